#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>

#include "protocol/base/files.hpp"

namespace upswarm {
namespace {

Error failure(std::string context, int code) {
  auto kind = ErrorKind::disk;
  if (code == ENOENT || code == ENOTDIR) kind = ErrorKind::not_found;
  if (code == ENOSPC || code == EDQUOT) kind = ErrorKind::no_space;
  if (code == EACCES || code == EPERM || code == EEXIST || code == ELOOP || code == EROFS) kind = ErrorKind::denied;
  if (code == EBUSY || code == ETXTBSY) kind = ErrorKind::busy;
  return {kind, std::move(context), std::generic_category().message(code)};
}

Error failure(const char* verb, const Path& path) { return failure(std::string(verb) + " " + path.string(), errno); }

Result<void> check(int status, const char* verb, const Path& path) {
  if (status == 0) return {};
  return failure(verb, path);
}

#ifdef __linux__
// Not in every linux/magic.h.
constexpr auto kXfs = 0x58465342;

/// syncfs(2): before 5.8 it does not say that writing failed.
bool has_honest_syncfs() {
  struct utsname system {};
  if (::uname(&system) != 0) return false;
  const std::string_view release = system.release;
  std::array<int, 2> version{};
  const char* at = release.data();
  const char* const end = at + release.size();
  for (auto& number : version) {
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || after == end) return false;
    at = after + 1;
  }
  return version >= std::array{5, 8};
}
#endif

/// The number of a file is unique on its file system alone.
std::uint64_t id_of(const struct stat& status) {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;
  return static_cast<std::uint64_t>(status.st_dev) * kSpread ^ static_cast<std::uint64_t>(status.st_ino);
}

FileInfo to_info(const struct stat& status) {
  FileInfo info;
  if (S_ISREG(status.st_mode)) info.type = FileType::regular;
  else if (S_ISDIR(status.st_mode)) info.type = FileType::folder;
  else if (S_ISLNK(status.st_mode)) info.type = FileType::symlink;
  info.size = Bytes{static_cast<std::uint64_t>(status.st_size)};
  info.mode = status.st_mode & 07777U;
  info.owner = status.st_uid;
  info.link_count = status.st_nlink;
  info.id = id_of(status);
  const auto device = static_cast<std::uint64_t>(status.st_dev);
  info.device = static_cast<std::uint32_t>(device ^ device >> 32U);
  return info;
}

class PosixInputFile final : public InputFile {
 public:
  PosixInputFile(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  PosixInputFile(const PosixInputFile&) = delete;
  PosixInputFile& operator=(const PosixInputFile&) = delete;
  ~PosixInputFile() override { ::close(descriptor_); }

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const auto count =
          ::pread(descriptor_, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset.count + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("read", name_);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  Result<FileInfo> info() override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failure("look at", name_);
    return to_info(status);
  }

 private:
  int descriptor_;
  std::string name_;
};

constexpr std::size_t kLeastHole = 64 * 1024;

bool is_zeros(ByteView bytes) {
  return bytes.front() == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

class PosixOutputFile final : public OutputFile {
 public:
  PosixOutputFile(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  PosixOutputFile(const PosixOutputFile&) = delete;
  PosixOutputFile& operator=(const PosixOutputFile&) = delete;
  ~PosixOutputFile() override { ::close(descriptor_); }

  /// Long runs of zeros become holes, which take no space: a large file that is mostly empty stays so.
  Result<void> write(ByteView bytes) override {
    if (bytes.size() >= kLeastHole && is_zeros(bytes)) return skip(bytes.size());
    while (!bytes.empty()) {
      const auto count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("write", name_);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<void> sync() override { return check(::fsync(descriptor_), "sync", name_); }

  void start_sync() override {
#ifdef SYNC_FILE_RANGE_WRITE
    // An error here comes again when somebody waits for it.
    static_cast<void>(::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE));
#endif
  }

 private:
  Result<void> skip(std::size_t count) {
    const auto end = ::lseek(descriptor_, static_cast<off_t>(count), SEEK_CUR);
    return end < 0 ? failure("write", name_) : check(::ftruncate(descriptor_, end), "write", name_);
  }

  int descriptor_;
  std::string name_;
};

class PosixFiles final : public Files {
 public:
  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    // O_NONBLOCK: a FIFO put in the way must not make us wait for a writer.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return failure("open", path);
    auto file = std::make_unique<PosixInputFile>(descriptor, path.string());
    UPSWARM_TRY(const auto info, file->info());
    if (info.type != FileType::regular) return Error{ErrorKind::denied, "open " + path.string(), "not a regular file"};
    return std::unique_ptr<InputFile>(std::move(file));
  }

  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0) return failure("create", path);
    auto file = std::make_unique<PosixOutputFile>(descriptor, path.string());
    if (::fchmod(descriptor, mode) != 0) return failure("set the mode of", path);  // whatever the umask is
    return std::unique_ptr<OutputFile>(std::move(file));
  }

  Result<FileInfo> info(const Path& path) override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return failure("look at", path);
    return to_info(status);
  }

  Result<std::vector<std::string>> list(const Path& folder) override {
    // opendir(3) would follow a link.
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return failure("list", folder);
    DIR* stream = ::fdopendir(descriptor);
    if (stream == nullptr) {
      const auto error = failure("list", folder);
      ::close(descriptor);
      return error;
    }
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int code = errno;
    ::closedir(stream);
    if (code != 0) return failure("list " + folder.string(), code);
    std::ranges::sort(names);
    return names;
  }

  Result<void> make_folder(const Path& path, std::uint32_t mode) override {
    UPSWARM_CHECK(check(::mkdir(path.c_str(), mode), "make the folder", path));
    return check(::chmod(path.c_str(), mode), "set the mode of", path);
  }

  Result<void> rename(const Path& from, const Path& to) override {
    return check(::rename(from.c_str(), to.c_str()), "rename to", to);
  }
  Result<void> remove_file(const Path& path) override { return check(::unlink(path.c_str()), "remove", path); }
  Result<void> remove_folder(const Path& path) override {
    return check(::rmdir(path.c_str()), "remove the folder", path);
  }

  Result<void> make_symlink(const std::string& target, const Path& path) override {
    return check(::symlink(target.c_str(), path.c_str()), "make the link", path);
  }

  Result<std::string> read_symlink(const Path& path) override {
    std::string target(PATH_MAX, '\0');
    const auto length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0) return failure("read the link", path);
    target.resize(static_cast<std::size_t>(length));
    return target;
  }

  Result<void> hard_link(const Path& existing, const Path& path) override {
    return check(::link(existing.c_str(), path.c_str()), "link", path);
  }

  Result<void> set_mode(const Path& path, std::uint32_t mode) override {
    return check(::fchmodat(AT_FDCWD, path.c_str(), mode, AT_SYMLINK_NOFOLLOW), "set the mode of", path);
  }

  Result<void> sync_file(const Path& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return failure("open", path);
    const auto result = check(::fsync(descriptor), "sync", path);
    ::close(descriptor);
    return result;
  }

  Result<void> sync_folder(const Path& folder) override {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failure("open the folder", folder);
    const auto result = check(::fsync(descriptor), "sync the folder", folder);
    ::close(descriptor);
    return result;
  }

  Result<Bytes> free_space(const Path& path) override {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return failure("ask the free space of", path);
    return Bytes{static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize};
  }

#ifdef __linux__
  Result<bool> clone_file(const Path& from, const Path& to, std::uint32_t mode) override {
    const int source = ::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (source < 0) return failure("open", from);
    const int target = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (target < 0) {
      const auto error = failure("create", to);
      ::close(source);
      return error;
    }
    const int cloned = ::ioctl(target, FICLONE, source);
    const int code = errno;
    const auto moded = cloned == 0 ? check(::fchmod(target, mode), "set the mode of", to) : Result<void>();
    ::close(target);
    ::close(source);
    if (cloned == 0) {
      UPSWARM_CHECK(moded);
      return true;
    }
    UPSWARM_CHECK(remove_file(to));
    if (code == EIO || code == ENOSPC || code == EDQUOT) return failure("clone " + from.string(), code);
    return false;  // each file system has its own words for that it cannot
  }

  Result<bool> can_sync_as_one(const Path& folder) override {
    static const bool is_honest = has_honest_syncfs();
    if (!is_honest) return false;
    struct statfs status {};
    if (::statfs(folder.c_str(), &status) != 0) return failure("ask the file system of", folder);
    const auto type = status.f_type;
    return type == EXT4_SUPER_MAGIC || type == kXfs || type == BTRFS_SUPER_MAGIC || type == TMPFS_MAGIC;
  }

  Result<void> sync_as_one(const Path& folder) override {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failure("open the folder", folder);
    const auto result = check(::syncfs(descriptor), "sync the file system of", folder);
    ::close(descriptor);
    return result;
  }
#endif
};

}  // namespace

Files& system_files() {
  static PosixFiles files;
  return files;
}

std::unique_ptr<InputFile> adopt_input_file(std::intptr_t descriptor) {
  return std::make_unique<PosixInputFile>(static_cast<int>(descriptor), "the package handed over");
}

std::uint32_t mode_bits(const FileInfo& info, std::uint32_t wanted) { return info.mode & wanted; }

}  // namespace upswarm
