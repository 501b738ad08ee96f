// One program at a time in one folder.
#pragma once

#include <cstdint>
#include <filesystem>

#include "protocol/base/result.hpp"

namespace upswarm {

/// An exclusive lock on a file, held until the object or the process ends, also when the process is killed.
/// The file stays; its content means nothing. Who holds the lock may remove it as the last thing he does: who opened it
/// before that finds it busy. (win32  nobody can as long as it is held.)
/// Locks of two objects exclude each other within one process, too.   posix  flock(2); win32  a file shared with
/// nobody.
class FileLock {
 public:
  /// Makes the file when it is missing (mode 0600); never waits.
  /// Errors: busy  somebody else holds it; not_found, denied, disk.
  static Result<FileLock> take(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(std::intptr_t descriptor) : descriptor_(descriptor) {}
  std::intptr_t descriptor_;
};

}  // namespace upswarm
