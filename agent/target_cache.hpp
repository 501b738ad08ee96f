// Small targets (indexes, rollout filters) kept on disk, so that an unchanged repository is judged again without a
// fetch.
#pragma once

#include <set>
#include <string>

#include "protocol/base/files.hpp"
#include "protocol/trust/client.hpp"

namespace upswarm::agent {

/// Passes metadata through and answers for targets from a folder where it can. Cached bytes count only when they have
/// the digest in the target's consistent name; the TUF client checks them again. One thread at a time.
class TargetCache final : public trust::RepositorySource {
 public:
  /// `source`, `files` and the folder must outlive the cache. The folder exists.
  TargetCache(trust::RepositorySource& source, Files& files, Path folder);

  Result<std::string> metadata(const std::string& name, Bytes longest) override;
  Result<std::string> target(const std::string& name, Bytes longest) override;

  /// Deletes what was not asked for since the last time.
  void drop_unused();

 private:
  trust::RepositorySource& source_;
  Files& files_;
  Path folder_;
  std::set<std::string> used_;
};

/// The digest in a consistent name ("index/app/stable/<sha256>.linux-x64.json"), or "".
std::string digest_in_name(std::string_view consistent_name);

}  // namespace upswarm::agent
