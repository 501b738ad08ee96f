#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "protocol/base/file_lock.hpp"

namespace upswarm {
namespace {

/// Who had it before may have removed it after it was opened here.
bool is_still_at(const std::filesystem::path& path, int descriptor) {
  struct stat named {};
  struct stat opened {};
  return ::lstat(path.c_str(), &named) == 0 && ::fstat(descriptor, &opened) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& path) {
  const auto failure = [&path](ErrorKind kind) {
    return Error{kind, "lock " + path.string(), std::generic_category().message(errno)};
  };
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return failure(ErrorKind::not_found);
    return failure(errno == EACCES || errno == EPERM || errno == EROFS ? ErrorKind::denied : ErrorKind::disk);
  }
  FileLock lock(descriptor);
  const bool is_taken = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (!is_taken && errno != EWOULDBLOCK) return failure(ErrorKind::disk);
  if (is_taken && is_still_at(path, descriptor)) return lock;
  return Error{ErrorKind::busy, "lock " + path.string(), "another program holds it"};
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(static_cast<int>(descriptor_));
}

}  // namespace upswarm
