#include <windows.h>

#include <system_error>
#include <utility>

#include "protocol/base/file_lock.hpp"

namespace upswarm {
namespace {

const auto kNone = reinterpret_cast<std::intptr_t>(INVALID_HANDLE_VALUE);

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& path) {
  // Shared with nobody: a second one cannot open it, and a reparse point is opened itself.
  const HANDLE handle = CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_ALWAYS,
                                    FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
  if (handle != INVALID_HANDLE_VALUE) return FileLock(reinterpret_cast<std::intptr_t>(handle));
  const auto code = GetLastError();
  const auto context = "lock " + path.string();
  if (code == ERROR_SHARING_VIOLATION) return Error{ErrorKind::busy, context, "another program holds it"};
  auto kind = ErrorKind::disk;
  if (code == ERROR_PATH_NOT_FOUND || code == ERROR_FILE_NOT_FOUND) kind = ErrorKind::not_found;
  if (code == ERROR_ACCESS_DENIED) kind = ErrorKind::denied;
  return Error{kind, context, std::system_category().message(static_cast<int>(code))};
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, kNone)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ != kNone) CloseHandle(reinterpret_cast<HANDLE>(descriptor_));
}

}  // namespace upswarm
