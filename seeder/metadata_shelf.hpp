// Metadata files in memory, as they are served.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "protocol/base/digest.hpp"
#include "protocol/base/files.hpp"

namespace upswarm::seeder {

/// What a name of the metadata folder stands for.
struct MetadataFile {
  bool is_there = false;
  std::string bytes;
  Sha256 digest;  ///< of them
};

/// Thousands of machines ask every few minutes for the same two names, one of which is not there. Any thread.
class MetadataShelf {
 public:
  static constexpr Bytes kMostKept = 32_MiB;
  static constexpr std::size_t kMostNames = 1000;

  /// `files` must outlive it.
  MetadataShelf(Files& files, Path folder);

  /// Null when it is not on the shelf: read() puts it there. Waits for nothing.
  std::shared_ptr<const MetadataFile> find(const std::string& name) const;
  /// `name` has the form of a metadata file's.   Errors: disk, denied; corrupt  longer than any role may be.
  Result<std::shared_ptr<const MetadataFile>> read(const std::string& name);
  /// Whoever writes to the folder calls it afterwards. What is being read just now is not kept.
  void clear();

 private:
  Files& files_;
  Path folder_;
  mutable std::mutex mutex_;  ///< of all below
  std::map<std::string, std::shared_ptr<const MetadataFile>, std::less<>> kept_;
  Bytes size_;
  std::uint64_t cleared_ = 0;  ///< times
};

}  // namespace upswarm::seeder
