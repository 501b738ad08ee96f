// The folder of packages: what is there, what of it was verified, whether it was closed cleanly.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/digest.hpp"
#include "protocol/base/file_lock.hpp"
#include "protocol/base/files.hpp"

namespace upswarm::agent {

/// Of each package, by its SHA-256 in hexadecimal:
///   <sha256>.bin     the bytes, whole or in part
///   <sha256>.resume  what a torrent session knew about them when it was closed
/// and two of the folder: `lock`, held while it is open, and `clean`, which is there only while nobody has it open. A
/// power cut can lose what resume data speak of, so without `clean` they do not count. Any thread may call.
class PackageCache {
 public:
  /// Makes the folder if need be.   Errors: busy  another program has it open; disk, denied, no_space.
  static Result<PackageCache> open(Files& files, Path folder);

  /// False: the last user was killed, or the power went; the packages have to be checked again.
  bool was_clean() const { return was_clean_; }

  static std::string file_name(const Sha256& package) { return package.hex() + ".bin"; }
  Path path_of(const Sha256& package) const { return folder_ / file_name(package); }
  /// Whole or in part.
  Result<std::vector<Sha256>> packages() const;
  Result<bool> has(const Sha256& package) const;

  /// The resume data, once; "" if there are none.
  std::string take_resume(const Sha256& package);

  /// Computes the SHA-256 of the whole file.
  /// Errors: corrupt  it is another one; cancelled; not_found, disk.
  Result<void> verify(const Sha256& package, const std::stop_token& stop) const;

  Result<void> forget(const Sha256& package);
  Result<Bytes> free_space() const;

  /// Writes the resume data and, last, `clean`.
  Result<void> close(const std::map<Sha256, std::string>& resume);

 private:
  PackageCache(Files& files, Path folder, FileLock lock)
      : files_(&files), folder_(std::move(folder)), lock_(std::move(lock)) {}
  Path side_file(const Sha256& package, const char* suffix) const { return folder_ / (package.hex() + suffix); }

  Files* files_;
  Path folder_;
  FileLock lock_;
  bool was_clean_ = false;
};

}  // namespace upswarm::agent
