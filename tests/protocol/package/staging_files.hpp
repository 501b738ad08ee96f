// The file system as the staging of a package may use it: it reads anything, and writes in one folder only.
#pragma once

#include "protocol/base/files.hpp"

namespace upswarm::package {

/// Passes everything on to the real files, and remembers the first thing that would be changed anywhere else, or
/// behind a link: `trespass()` names it. Such a change is refused.
class StagingFiles final : public Files {
 public:
  /// `staging` need not be there yet: to make it is allowed.
  explicit StagingFiles(Path staging) : staging_(std::move(staging)) {}

  const std::string& trespass() const { return trespass_; }

  Result<std::unique_ptr<InputFile>> open(const Path& path) override { return real_.open(path); }
  Result<FileInfo> info(const Path& path) override { return real_.info(path); }
  Result<std::vector<std::string>> list(const Path& folder) override { return real_.list(folder); }
  Result<std::string> read_symlink(const Path& path) override { return real_.read_symlink(path); }
  Result<Bytes> free_space(const Path& path) override { return real_.free_space(path); }
  // Nobody cuts the power here, and thousands of trees are written.
  Result<void> sync_folder(const Path& /*folder*/) override { return {}; }
  Result<void> sync_file(const Path& /*path*/) override { return {}; }

  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override {
    UPSWARM_CHECK(check(path));
    return real_.create(path, mode);
  }
  Result<void> make_folder(const Path& path, std::uint32_t mode) override {
    UPSWARM_CHECK(check(path));
    return real_.make_folder(path, mode);
  }
  Result<void> rename(const Path& from, const Path& to) override {
    UPSWARM_CHECK(check(from));
    UPSWARM_CHECK(check(to));
    return real_.rename(from, to);
  }
  Result<void> remove_file(const Path& path) override {
    UPSWARM_CHECK(check(path));
    return real_.remove_file(path);
  }
  Result<void> remove_folder(const Path& path) override {
    UPSWARM_CHECK(check(path));
    return real_.remove_folder(path);
  }
  Result<void> make_symlink(const std::string& target, const Path& path) override {
    UPSWARM_CHECK(check(path));
    return real_.make_symlink(target, path);
  }
  Result<void> hard_link(const Path& existing, const Path& path) override {
    UPSWARM_CHECK(check(path));
    return real_.hard_link(existing, path);
  }
  Result<void> set_mode(const Path& path, std::uint32_t mode) override {
    UPSWARM_CHECK(check(path));
    return real_.set_mode(path, mode);
  }

 private:
  Result<void> check(const Path& path) {
    auto inside = path.lexically_relative(staging_);
    bool is_inside = !inside.empty() && *inside.begin() != "..";
    auto place = staging_;
    for (const auto& part : inside.parent_path()) {
      place /= part;
      const auto there = real_.info(place);
      is_inside = is_inside && part != ".." && there && there->type == FileType::folder;
    }
    if (is_inside) return {};
    if (trespass_.empty()) trespass_ = path.string();
    return Error{ErrorKind::denied, "write " + path.string(), "it is not in the staging folder"};
  }

  Files& real_ = system_files();
  Path staging_;
  std::string trespass_;
};

}  // namespace upswarm::package
