// Metadata files in the form that costs a client least.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"
#include "protocol/base/http/content_coding.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {

/// Files of the metadata folder with a version in their name, compressed: by themselves, or against an earlier version
/// of the same role that the client has. What was made is kept by its content, for thousands of machines ask for the
/// same, and a role that began anew (new_beginning.hpp) may have other bytes under a name that was served. Any thread.
class CompressedMetadata {
 public:
  static constexpr Bytes kMostKept = 16_MiB;
  static constexpr std::size_t kEarlierVersions = 16;  ///< the newest of them that may be a dictionary

  /// `files` must outlive it.
  CompressedMetadata(Files& files, Path folder);

  struct Form {
    ContentCoding coding = ContentCoding::identity;
    std::shared_ptr<const std::string> bytes;  ///< null: as it is
  };
  /// `name` ("7.snapshot.json") with its content and the digest of that, for a request with these two fields. As it is
  /// where nothing smaller can be made of it.
  Form form_of(const std::string& name, const std::string& bytes, const Sha256& content,
               const std::string& accept_encoding, const std::string& available_dictionary);

 private:
  struct Made {
    Sha256 content;
    std::optional<Sha256> dictionary;
    Form form;
  };
  std::optional<Form> find(const Sha256& content, const std::optional<Sha256>& dictionary);
  void keep(Made made);
  std::optional<std::string> find_dictionary(const std::string& name, const Sha256& digest);
  std::vector<trust::RoleVersion> earlier_versions(const VersionedName& wanted);
  std::optional<Sha256> digest_of(const std::string& name);

  Files& files_;
  Path folder_;
  std::mutex mutex_;      ///< of all below
  std::list<Made> made_;  ///< the one asked for last in front
  Bytes kept_;
  std::map<std::string, Sha256> digests_;
  std::map<std::string, std::vector<trust::RoleVersion>> versions_;  ///< of each role, as the folder had them
  std::chrono::steady_clock::time_point listed_at_;
};

}  // namespace upswarm::seeder
