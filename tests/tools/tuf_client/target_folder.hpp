// Downloaded targets on disk.
#pragma once

#include "protocol/base/files.hpp"
#include "protocol/trust/client.hpp"
#include "tests/tools/tuf_client/http_source.hpp"

namespace upswarm::tools {

/// One folder; a target's file is named by its whole path, percent-encoded, or by the SHA-256 of the path when that
/// would be too long for a file name.
class TargetFolder {
 public:
  /// `files` must outlive it.
  TargetFolder(Files& files, Path folder) : files_(files), folder_(std::move(folder)) {}

  Path file_of(const std::string& target_path) const;
  /// Whether the target is there with the signed length and digest.   Errors: as Files, but for not_found.
  Result<bool> has(const trust::TrustedTarget& target) const;
  /// Fetches it from `source`, where it is called `name`, verifies it and puts it there; replaces an older one in one
  /// step. On any error what was there stays.
  /// Errors: as HttpSource; corrupt (reason wrong_digest, too_long)  not what was signed; denied, no_space, disk.
  Result<void> fetch(const trust::TrustedTarget& target, const std::string& name, HttpSource& source) const;

 private:
  Files& files_;
  Path folder_;
};

}  // namespace upswarm::tools
