#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "installer/program_of.hpp"
#include "installer/running_programs.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSlice{50};  ///< between two looks at a stop

/// pidfd_open(2) and pidfd_send_signal(2) by number: glibc 2.36 declares them without C linkage, older ones not at all.
class HeldProcess final : public RunningProgram {
 public:
  HeldProcess(int descriptor, std::int64_t process) : descriptor_(descriptor), process_(process) {}
  ~HeldProcess() override { ::close(descriptor_); }
  HeldProcess(const HeldProcess&) = delete;
  HeldProcess& operator=(const HeldProcess&) = delete;

  void is_found_to_run(const Path& program, std::uint32_t account) {
    name_ = program.string() + " (process " + std::to_string(process_) + ", account " + std::to_string(account) + ")";
  }
  std::string name() const override { return name_; }

  Result<void> signal(How how) override {
    if (::syscall(SYS_pidfd_send_signal, descriptor_, how == How::ask ? SIGTERM : SIGKILL, nullptr, 0) == 0 ||
        errno == ESRCH)
      return {};
    return Error{ErrorKind::denied, "signal " + name_, std::generic_category().message(errno)};
  }

  bool has_ended() override { return wait_for(std::chrono::milliseconds(0)); }

  bool wait_for(std::chrono::milliseconds most) const {
    pollfd one{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, static_cast<int>(most.count())) == 1;
  }

 private:
  int descriptor_;
  std::int64_t process_;
  std::string name_;
};

/// Where the release has what `program` names. Empty: nowhere.
Path file_of(const Path& program, const ReleasePlace& release) {
  constexpr std::string_view replaced = " (deleted)";
  auto name = program.string();
  if (was_replaced(program)) name.resize(name.size() - replaced.size());
  for (const auto& top : {release.folder, release.place}) {
    if (is_below(name, top)) return release.folder / Path(name).lexically_relative(top);
  }
  return {};
}

/// A process may live where names mean other files: what it runs must be the very file that the release has. Of one
/// that was replaced in the release's own folder, which is root's, only its file system is left to tell.
bool is_of_release(std::int64_t process, const Path& program, const ReleasePlace& release) {
  struct stat runs {};
  struct stat there {};
  const auto link = "/proc/" + std::to_string(process) + "/exe";
  const auto file = file_of(program, release);
  if (file.empty() || ::stat(link.c_str(), &runs) != 0) return false;
  const auto is_there = [&](const Path& path) {
    return ::stat(path.c_str(), &there) == 0 && runs.st_dev == there.st_dev;
  };
  if (is_there(file) && runs.st_ino == there.st_ino) return true;
  return was_replaced(program) && is_below(program, release.folder) && is_there(release.folder);
}

ReleasePlace without_links(const ReleasePlace& release) {
  std::error_code ignored;  // then it is empty
  return {.folder = std::filesystem::canonical(release.folder, ignored),
          .place = std::filesystem::canonical(release.place, ignored)};
}

class ProcTable final : public ProcessTable {
 public:
  Result<RunningPrograms> look(const ReleasePlace& release, const std::string& spared) override {
    UPSWARM_TRY(const auto names, system_files().list("/proc"));
    std::optional<std::uint32_t> spared_account;
    if (const auto account = user_id_of(spared)) spared_account = *account;
    const auto place = without_links(release);
    RunningPrograms found;
    if (place.folder.empty() || place.place.empty()) return found;  // there is no such release
    for (const auto& name : names) {
      std::int64_t process = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
      if (error != std::errc() || end != name.data() + name.size()) continue;
      if (process <= 1 || process == ::getpid()) continue;
      // Most are something else, and need not be held for that.
      if (const auto program = program_of(process); !program || file_of(*program, place).empty()) continue;
      UPSWARM_TRY(auto held, hold(process, place, spared_account));
      if (held) found.push_back(std::move(held));
      if (found.size() == kMostRunning) break;
    }
    return found;
  }

  void await(const RunningPrograms& programs, std::chrono::milliseconds most, const std::stop_token& stop) override {
    const auto deadline = SteadyClock::now() + most;
    for (const auto& one : programs) {
      const auto& held = static_cast<const HeldProcess&>(*one);
      while (!stop.stop_requested()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
        if (left.count() <= 0) return;
        if (held.wait_for(std::min(left, kSlice))) break;
      }
    }
  }

 private:
  /// Null: it has ended, or is none of those. All that is asked by its number is asked once it is held: were the number
  /// somebody else's by then, the one that is held would have ended, and a signal would reach nobody.
  static Result<std::unique_ptr<HeldProcess>> hold(std::int64_t process, const ReleasePlace& place,
                                                   std::optional<std::uint32_t> spared) {
    const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process), 0));
    if (descriptor < 0 && errno == ESRCH) return std::unique_ptr<HeldProcess>();
    if (descriptor < 0) {
      return Error{ErrorKind::denied, "hold process " + std::to_string(process),
                   std::generic_category().message(errno)};
    }
    auto held = std::make_unique<HeldProcess>(descriptor, process);
    const auto program = program_of(process);
    struct stat owner {};
    const auto folder = "/proc/" + std::to_string(process);
    if (!program || !is_of_release(process, *program, place) || ::stat(folder.c_str(), &owner) != 0 ||
        owner.st_uid == spared)
      return std::unique_ptr<HeldProcess>();
    held->is_found_to_run(*program, owner.st_uid);
    return held;
  }
};

}  // namespace

std::unique_ptr<ProcessTable> make_process_table() { return std::make_unique<ProcTable>(); }

}  // namespace upswarm::installer
