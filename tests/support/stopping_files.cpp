#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

class StoppingInputFile final : public InputFile {
 public:
  StoppingInputFile(StoppingFiles& files, std::unique_ptr<InputFile> real) : files_(files), real_(std::move(real)) {}

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    UPSWARM_CHECK(files_.look("read"));
    return real_->read_at(offset, buffer);
  }
  Result<FileInfo> info() override { return real_->info(); }

 private:
  StoppingFiles& files_;
  std::unique_ptr<InputFile> real_;
};

class StoppingOutputFile final : public OutputFile {
 public:
  StoppingOutputFile(StoppingFiles& files, std::unique_ptr<OutputFile> real) : files_(files), real_(std::move(real)) {}

  Result<void> write(ByteView bytes) override {
    UPSWARM_CHECK(files_.step("write"));
    return real_->write(bytes);
  }
  Result<void> sync() override {
    UPSWARM_CHECK(files_.step("sync"));
    return real_->sync();
  }

 private:
  StoppingFiles& files_;
  std::unique_ptr<OutputFile> real_;
};

}  // namespace

void StoppingFiles::stop_at(std::optional<std::size_t> operation, Mode mode, ErrorKind kind) {
  at_ = operation;
  mode_ = mode;
  kind_ = kind;
  seen_ = 0;
}

Result<void> StoppingFiles::alive() const {
  if (mode_ == Mode::stop && was_reached())
    return Error{kind_, "after the power cut", "the machine is off", "injected"};
  return {};
}

Result<void> StoppingFiles::step(const char* what) {
  UPSWARM_CHECK(alive());
  ++seen_;
  if (at_ && seen_ == *at_)
    return Error{kind_, what, "stopped by the test at operation " + std::to_string(seen_), "injected"};
  return {};
}

Result<void> StoppingFiles::look(const char* what) { return mode_ == Mode::fail_any ? step(what) : alive(); }

Result<std::unique_ptr<InputFile>> StoppingFiles::open(const Path& path) {
  UPSWARM_CHECK(look("open"));
  UPSWARM_TRY(auto file, real_.open(path));
  return std::unique_ptr<InputFile>(std::make_unique<StoppingInputFile>(*this, std::move(file)));
}

Result<std::unique_ptr<OutputFile>> StoppingFiles::create(const Path& path, std::uint32_t mode) {
  UPSWARM_CHECK(step("create"));
  UPSWARM_TRY(auto file, real_.create(path, mode));
  return std::unique_ptr<OutputFile>(std::make_unique<StoppingOutputFile>(*this, std::move(file)));
}

Result<FileInfo> StoppingFiles::info(const Path& path) {
  UPSWARM_CHECK(look("info"));
  return real_.info(path);
}

Result<std::vector<std::string>> StoppingFiles::list(const Path& folder) {
  UPSWARM_CHECK(look("list"));
  return real_.list(folder);
}

Result<void> StoppingFiles::make_folder(const Path& path, std::uint32_t mode) {
  UPSWARM_CHECK(step("make_folder"));
  return real_.make_folder(path, mode);
}

Result<void> StoppingFiles::rename(const Path& from, const Path& to) {
  UPSWARM_CHECK(step("rename"));
  return real_.rename(from, to);
}

Result<void> StoppingFiles::remove_file(const Path& path) {
  UPSWARM_CHECK(step("remove_file"));
  return real_.remove_file(path);
}

Result<void> StoppingFiles::remove_folder(const Path& path) {
  UPSWARM_CHECK(step("remove_folder"));
  return real_.remove_folder(path);
}

Result<void> StoppingFiles::make_symlink(const std::string& target, const Path& path) {
  UPSWARM_CHECK(step("make_symlink"));
  return real_.make_symlink(target, path);
}

Result<std::string> StoppingFiles::read_symlink(const Path& path) {
  UPSWARM_CHECK(look("read_symlink"));
  return real_.read_symlink(path);
}

Result<void> StoppingFiles::hard_link(const Path& existing, const Path& path) {
  UPSWARM_CHECK(step("hard_link"));
  return real_.hard_link(existing, path);
}

Result<bool> StoppingFiles::clone_file(const Path& from, const Path& to, std::uint32_t mode) {
  UPSWARM_CHECK(step("clone_file"));
  return real_.clone_file(from, to, mode);
}

Result<void> StoppingFiles::set_mode(const Path& path, std::uint32_t mode) {
  UPSWARM_CHECK(step("set_mode"));
  return real_.set_mode(path, mode);
}

Result<void> StoppingFiles::sync_file(const Path& path) {
  UPSWARM_CHECK(step("sync_file"));
  return real_.sync_file(path);
}

Result<void> StoppingFiles::sync_folder(const Path& folder) {
  UPSWARM_CHECK(step("sync_folder"));
  return real_.sync_folder(folder);
}

Result<Bytes> StoppingFiles::free_space(const Path& path) {
  UPSWARM_CHECK(look("free_space"));
  return real_.free_space(path);
}

Result<bool> StoppingFiles::can_sync_as_one(const Path& folder) {
  UPSWARM_CHECK(alive());
  return real_.can_sync_as_one(folder);
}

Result<void> StoppingFiles::sync_as_one(const Path& folder) {
  UPSWARM_CHECK(step("sync_as_one"));
  return real_.sync_as_one(folder);
}

}  // namespace upswarm::tests
