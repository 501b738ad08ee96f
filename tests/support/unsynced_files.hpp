// The real file system without its syncs: tests of what is written need not wait for the disk.
#pragma once

#include "protocol/base/files.hpp"

namespace upswarm::tests {

class UnsyncedFiles : public Files {
 public:
  explicit UnsyncedFiles(Files& real) : real_(real) {}

  Result<std::unique_ptr<InputFile>> open(const Path& path) override { return real_.open(path); }
  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override {
    UPSWARM_TRY(auto file, real_.create(path, mode));
    return std::unique_ptr<OutputFile>(std::make_unique<UnsyncedFile>(std::move(file)));
  }
  Result<FileInfo> info(const Path& path) override { return real_.info(path); }
  Result<std::vector<std::string>> list(const Path& folder) override { return real_.list(folder); }
  Result<void> make_folder(const Path& path, std::uint32_t mode) override { return real_.make_folder(path, mode); }
  Result<void> rename(const Path& from, const Path& to) override { return real_.rename(from, to); }
  Result<void> remove_file(const Path& path) override { return real_.remove_file(path); }
  Result<void> remove_folder(const Path& path) override { return real_.remove_folder(path); }
  Result<void> make_symlink(const std::string& target, const Path& path) override {
    return real_.make_symlink(target, path);
  }
  Result<std::string> read_symlink(const Path& path) override { return real_.read_symlink(path); }
  Result<void> hard_link(const Path& existing, const Path& path) override { return real_.hard_link(existing, path); }
  Result<bool> clone_file(const Path& from, const Path& to, std::uint32_t mode) override {
    return real_.clone_file(from, to, mode);
  }
  Result<void> set_mode(const Path& path, std::uint32_t mode) override { return real_.set_mode(path, mode); }
  Result<void> sync_file(const Path& path) override { return must_exist(path); }
  Result<void> sync_folder(const Path& folder) override { return must_exist(folder); }
  Result<Bytes> free_space(const Path& path) override { return real_.free_space(path); }
  /// On any file system: it is not done.
  Result<bool> can_sync_as_one(const Path& /*folder*/) override { return true; }
  Result<void> sync_as_one(const Path& folder) override { return must_exist(folder); }

 private:
  class UnsyncedFile final : public OutputFile {
   public:
    explicit UnsyncedFile(std::unique_ptr<OutputFile> real) : real_(std::move(real)) {}
    Result<void> write(ByteView bytes) override { return real_->write(bytes); }
    Result<void> sync() override { return {}; }

   private:
    std::unique_ptr<OutputFile> real_;
  };

  Result<void> must_exist(const Path& path) {
    UPSWARM_CHECK(real_.info(path));
    return {};
  }

  Files& real_;
};

/// Lives as long as the program.
inline Files& unsynced_files() {
  static UnsyncedFiles files(system_files());
  return files;
}

}  // namespace upswarm::tests
