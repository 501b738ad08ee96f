#include <windows.h>

#include <algorithm>
#include <system_error>

#include "protocol/base/files.hpp"

namespace upswarm {
namespace {

Error failure(const std::string& context, DWORD code) {
  auto kind = ErrorKind::disk;
  if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND) kind = ErrorKind::not_found;
  if (code == ERROR_DISK_FULL || code == ERROR_HANDLE_DISK_FULL) kind = ErrorKind::no_space;
  if (code == ERROR_ACCESS_DENIED || code == ERROR_FILE_EXISTS || code == ERROR_ALREADY_EXISTS)
    kind = ErrorKind::denied;
  if (code == ERROR_SHARING_VIOLATION || code == ERROR_LOCK_VIOLATION) kind = ErrorKind::busy;
  return {kind, context, std::system_category().message(static_cast<int>(code))};
}

Error failure(const char* verb, const Path& path) {
  return failure(std::string(verb) + " " + path.string(), GetLastError());
}

Result<void> check(BOOL worked, const char* verb, const Path& path) {
  if (worked != 0) return {};
  return failure(verb, path);
}

FileType type_of(DWORD attributes) {
  if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) return FileType::symlink;
  if ((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) return FileType::folder;
  return FileType::regular;
}

FileInfo to_info(const BY_HANDLE_FILE_INFORMATION& status) {
  FileInfo info;
  info.type = type_of(status.dwFileAttributes);
  info.size = Bytes{std::uint64_t{status.nFileSizeHigh} << 32U | status.nFileSizeLow};
  info.mode = info.type == FileType::folder ? 0755 : 0644;
  info.link_count = status.nNumberOfLinks;
  info.id = std::uint64_t{status.nFileIndexHigh} << 32U | status.nFileIndexLow;
  return info;
}

class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (good()) CloseHandle(handle_);
  }
  bool good() const { return handle_ != INVALID_HANDLE_VALUE; }
  HANDLE get() const { return handle_; }

 private:
  HANDLE handle_;
};

Result<FileInfo> info_of(HANDLE handle, const std::string& name) {
  BY_HANDLE_FILE_INFORMATION status{};
  if (GetFileInformationByHandle(handle, &status) == 0) return failure("look at", name);
  return to_info(status);
}

class Win32InputFile final : public InputFile {
 public:
  Win32InputFile(HANDLE handle, std::string name) : handle_(handle), name_(std::move(name)) {}

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const auto at = offset.count + done;
      OVERLAPPED where{};
      where.Offset = static_cast<DWORD>(at & 0xffffffffU);
      where.OffsetHigh = static_cast<DWORD>(at >> 32U);
      DWORD count = 0;
      const auto wanted = static_cast<DWORD>(std::min<std::size_t>(buffer.size() - done, 1U << 30U));
      if (ReadFile(handle_.get(), buffer.data() + done, wanted, &count, &where) == 0) {
        if (GetLastError() == ERROR_HANDLE_EOF) break;
        return failure("read", name_);
      }
      if (count == 0) break;
      done += count;
    }
    return done;
  }

  Result<FileInfo> info() override { return info_of(handle_.get(), name_); }

 private:
  Handle handle_;
  std::string name_;
};

class Win32OutputFile final : public OutputFile {
 public:
  Win32OutputFile(HANDLE handle, std::string name) : handle_(handle), name_(std::move(name)) {}

  Result<void> write(ByteView bytes) override {
    while (!bytes.empty()) {
      DWORD count = 0;
      const auto wanted = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), 1U << 30U));
      if (WriteFile(handle_.get(), bytes.data(), wanted, &count, nullptr) == 0) return failure("write", name_);
      bytes = bytes.subspan(count);
    }
    return {};
  }

  Result<void> sync() override { return check(FlushFileBuffers(handle_.get()), "sync", name_); }

 private:
  Handle handle_;
  std::string name_;
};

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

class Win32Files final : public Files {
 public:
  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    const HANDLE handle = CreateFileW(path.c_str(), GENERIC_READ, kShareAll, nullptr, OPEN_EXISTING,
                                      FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    if (handle == INVALID_HANDLE_VALUE) return failure("open", path);
    auto file = std::make_unique<Win32InputFile>(handle, path.string());
    UPSWARM_TRY(const auto found, file->info());
    if (found.type != FileType::regular) return Error{ErrorKind::denied, "open " + path.string(), "not a regular file"};
    return std::unique_ptr<InputFile>(std::move(file));
  }

  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t /*mode*/) override {
    const HANDLE handle = CreateFileW(path.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                                      CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle == INVALID_HANDLE_VALUE) return failure("create", path);
    return std::unique_ptr<OutputFile>(std::make_unique<Win32OutputFile>(handle, path.string()));
  }

  Result<FileInfo> info(const Path& path) override {
    const Handle handle(CreateFileW(path.c_str(), FILE_READ_ATTRIBUTES, kShareAll, nullptr, OPEN_EXISTING,
                                    FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    if (!handle.good()) return failure("look at", path);
    return info_of(handle.get(), path.string());
  }

  Result<std::vector<std::string>> list(const Path& folder) override {
    std::error_code code;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator one(folder, code), end; !code && one != end; one.increment(code)) {
      const auto name = one->path().filename().u8string();
      names.emplace_back(name.begin(), name.end());
    }
    if (code) return failure("list " + folder.string(), static_cast<DWORD>(code.value()));
    std::ranges::sort(names);
    return names;
  }

  Result<void> make_folder(const Path& path, std::uint32_t /*mode*/) override {
    return check(CreateDirectoryW(path.c_str(), nullptr), "make the folder", path);
  }

  Result<void> rename(const Path& from, const Path& to) override {
    return check(MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH), "rename to",
                 to);
  }

  Result<void> remove_file(const Path& path) override { return check(DeleteFileW(path.c_str()), "remove", path); }
  Result<void> remove_folder(const Path& path) override {
    return check(RemoveDirectoryW(path.c_str()), "remove the folder", path);
  }

  // Links need a privilege and are not part of any layout on Windows: a release that holds one is refused there.
  Result<void> make_symlink(const std::string& /*target*/, const Path& path) override {
    return Error{ErrorKind::denied, "make the link " + path.string(), "links are not used on Windows"};
  }
  Result<std::string> read_symlink(const Path& path) override {
    return Error{ErrorKind::denied, "read the link " + path.string(), "links are not used on Windows"};
  }

  Result<void> hard_link(const Path& existing, const Path& path) override {
    return check(CreateHardLinkW(path.c_str(), existing.c_str(), nullptr), "link", path);
  }

  Result<void> set_mode(const Path& path, std::uint32_t /*mode*/) override {
    return check(GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES, "look at", path);
  }

  Result<void> sync_file(const Path& path) override {
    const Handle handle(CreateFileW(path.c_str(), GENERIC_WRITE, kShareAll, nullptr, OPEN_EXISTING,
                                    FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    if (!handle.good()) return failure("open", path);
    return check(FlushFileBuffers(handle.get()), "sync", path);
  }

  Result<void> sync_folder(const Path& /*folder*/) override { return {}; }

  Result<Bytes> free_space(const Path& path) override {
    ULARGE_INTEGER free{};
    if (GetDiskFreeSpaceExW(path.c_str(), &free, nullptr, nullptr) == 0) return failure("ask the free space of", path);
    return Bytes{free.QuadPart};
  }
};

}  // namespace

Files& system_files() {
  static Win32Files files;
  return files;
}

std::unique_ptr<InputFile> adopt_input_file(std::intptr_t descriptor) {
  return std::make_unique<Win32InputFile>(reinterpret_cast<HANDLE>(descriptor), "the package handed over");
}

std::uint32_t mode_bits(const FileInfo& /*info*/, std::uint32_t /*wanted*/) { return 0; }

}  // namespace upswarm
