// A file system that stops, or fails once, at the n-th operation: the power cut and the full disk of the tests.
#pragma once

#include <optional>

#include "protocol/base/files.hpp"

namespace upswarm::tests {

/// From one operation that tests stop at to the next: 1, so that every one is met. Under a sanitizer, which looks for
/// other things and takes ten times as long, some (tests/support/CMakeLists.txt).
inline constexpr std::size_t kStride = UPSWARM_STOPS_STRIDE;

/// Passes every operation on to `real` until the n-th that changes something. What happens then:
///   stop  that operation and every later one fails: the machine is off
///   fail  that operation alone fails, with `kind`; everything after it works again
///   fail_any  the same, where operations that read count, too
class StoppingFiles : public Files {
 public:
  enum class Mode { stop, fail, fail_any };

  explicit StoppingFiles(Files& real) : real_(real) {}

  /// Counts from 1. Nothing: never.
  void stop_at(std::optional<std::size_t> operation, Mode mode = Mode::stop, ErrorKind kind = ErrorKind::disk);
  /// Operations seen since the last stop_at.
  std::size_t operations() const { return seen_; }
  bool was_reached() const { return at_ && seen_ >= *at_; }

  Result<std::unique_ptr<InputFile>> open(const Path& path) override;
  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override;
  Result<FileInfo> info(const Path& path) override;
  Result<std::vector<std::string>> list(const Path& folder) override;
  Result<void> make_folder(const Path& path, std::uint32_t mode) override;
  Result<void> rename(const Path& from, const Path& to) override;
  Result<void> remove_file(const Path& path) override;
  Result<void> remove_folder(const Path& path) override;
  Result<void> make_symlink(const std::string& target, const Path& path) override;
  Result<std::string> read_symlink(const Path& path) override;
  Result<void> hard_link(const Path& existing, const Path& path) override;
  Result<bool> clone_file(const Path& from, const Path& to, std::uint32_t mode) override;
  Result<void> set_mode(const Path& path, std::uint32_t mode) override;
  Result<void> sync_file(const Path& path) override;
  Result<void> sync_folder(const Path& folder) override;
  Result<Bytes> free_space(const Path& path) override;
  Result<bool> can_sync_as_one(const Path& folder) override;
  Result<void> sync_as_one(const Path& folder) override;

  /// Counts one changing operation; an error when it is the one. Used by the files that create() returns, too.
  Result<void> step(const char* what);
  /// Of one that reads: counts with Mode::fail_any alone; an error when the machine is off. Used by the files that
  /// open() returns, too.
  Result<void> look(const char* what);

 private:
  /// An error when the machine is off.
  Result<void> alive() const;

  Files& real_;
  std::optional<std::size_t> at_;
  Mode mode_ = Mode::stop;
  ErrorKind kind_ = ErrorKind::disk;
  std::size_t seen_ = 0;
};

}  // namespace upswarm::tests
