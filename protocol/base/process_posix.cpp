#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "protocol/base/process.hpp"

namespace upswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kMostGroups = 1024;

struct Account {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups = {};  ///< with `group`
};

std::string words_of(int code) { return std::generic_category().message(code); }

/// Of an account that has a name: what the system's books say. At most kMostGroups.
std::vector<gid_t> groups_of(const char* name, gid_t group) {
  std::vector<gid_t> groups(kMostGroups);
  int count = kMostGroups;
  if (::getgrouplist(name, group, groups.data(), &count) < 0) count = kMostGroups;
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Result<Account> find_account(const std::string& name) {
  std::string buffer(16 * 1024, '\0');
  passwd record{};
  passwd* found = nullptr;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size()) {
    getpwuid_r(number, &record, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return Account{number, number, {number}};
    return Account{number, found->pw_gid, groups_of(found->pw_name, found->pw_gid)};
  }
  const int code = getpwnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return Error{ErrorKind::not_found, "account \"" + name + "\"",
                 code == 0 ? "there is none of this name" : words_of(code), "no_account"};
  }
  return Account{record.pw_uid, record.pw_gid, groups_of(record.pw_name, record.pw_gid)};
}

/// What the child needs, laid out before fork: between fork and exec only async-signal-safe calls are allowed.
struct Launch {
  std::vector<char*> argv;
  std::vector<std::string> variables;
  std::vector<char*> environment;
  std::string folder;
  std::optional<Account> account;
  pid_t parent = 0;
};

/// Only async-signal-safe calls. Whoever is not root afterwards has no way back: no capability is left, kept for a
/// program that it might start, or to be got from a set-id file.
bool change_account(const Account& account) {
  if (::setgroups(account.groups.size(), account.groups.data()) != 0 || ::setgid(account.group) != 0) return false;
  for (unsigned long capability = 0; account.user != 0; ++capability) {
    const int has = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (has < 0) break;  // the first number that this kernel does not know
    if (has > 0 && ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
  }
  if (::setuid(account.user) != 0) return false;
  if (account.user == 0) return true;
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> nothing{};
  return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         ::syscall(SYS_capset, &head, nothing.data()) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

[[noreturn]] void become(const Launch& launch, int output, int errors, int report) {
  const auto give_up = [report](int step) {
    const std::array<int, 2> words{step, errno};
    static_cast<void>(!::write(report, words.data(), sizeof words));
    ::_exit(127);
  };
  ::setsid();
  ::umask(022);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0) give_up(1);
  if (launch.account && !change_account(*launch.account)) give_up(2);
  // After the change of account, which takes it back. Who died before that call sends no signal.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != launch.parent) give_up(5);
  // Libraries open files that a child would inherit. Marked, not closed: `report` has to live until exec.
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int number = 3; number < 1024; ++number) ::fcntl(number, F_SETFD, FD_CLOEXEC);  // Linux before 5.11
  }
  if (::chdir(launch.folder.c_str()) != 0) give_up(3);
  ::execve(launch.argv[0], launch.argv.data(), launch.environment.data());
  give_up(4);
  ::_exit(127);
}

/// The end of a pipe that a program writes to, and the last of what it wrote.
class Words {
 public:
  explicit Words(int from) : from_(from) {}

  void read_some() {
    std::array<char, 4096> buffer;
    while (open_) {
      const auto count = ::read(from_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;  // nothing there now
      if (count == 0) open_ = false;
      text_.append(buffer.data(), static_cast<std::size_t>(count));
      if (text_.size() > 2 * kLongestOutput.count) keep_last();
    }
  }
  std::string take() {
    keep_last();
    return std::move(text_);
  }
  /// For poll(2), which leaves out what is negative.
  pollfd wait() const { return {open_ ? from_ : -1, POLLIN, 0}; }

 private:
  void keep_last() {
    if (text_.size() > kLongestOutput.count) text_.erase(0, text_.size() - kLongestOutput.count);
  }

  int from_;
  bool open_ = from_ >= 0;
  std::string text_;
};

/// Reads output and waits until the program has ended, the time is over or the caller stops.
class Watch {
 public:
  /// `errors`: negative where they are in the output.
  Watch(pid_t child, int output, int errors, const ProcessSpec& spec)
      : child_(child), output_(output), errors_(errors), spec_(spec) {}

  Result<ProcessOutcome> until_end(const std::stop_token& stop) {
    auto deadline = SteadyClock::now() + spec_.time_limit;
    for (;;) {
      read_some();
      const auto now = SteadyClock::now();
      const bool is_stopped = stop.stop_requested();
      if (is_stopped) deadline = std::min(deadline, now);
      int status = 0;
      const pid_t ended = ::waitpid(child_, &status, WNOHANG);
      if (ended == child_) {
        ::kill(-child_, SIGKILL);  // what it left behind in its group
        if (is_stopped && is_asked_) return stopped();
        return outcome(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
      }
      if (now >= deadline + spec_.grace) {
        end();
        if (is_stopped) return stopped();
        timed_out_ = true;
        return outcome(128 + SIGKILL);
      }
      if (now >= deadline && !is_asked_) ask(!is_stopped);
      std::array<pollfd, 2> wait{output_.wait(), errors_.wait()};
      ::poll(wait.data(), wait.size(), 20);
    }
  }

 private:
  void ask(bool is_time_over) {
    is_asked_ = true;
    timed_out_ = is_time_over;
    if (spec_.ask) return spec_.ask();
    ::kill(-child_, SIGTERM);
  }

  Error stopped() const { return {ErrorKind::cancelled, "run " + spec_.argv[0], "stopped"}; }

  void end() {
    ::kill(-child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  void read_some() {
    output_.read_some();
    errors_.read_some();
  }

  ProcessOutcome outcome(int exit_code) {
    read_some();
    return {.exit_code = exit_code, .timed_out = timed_out_, .output = output_.take(), .errors = errors_.take()};
  }

  pid_t child_;
  Words output_;
  Words errors_;
  const ProcessSpec& spec_;
  bool is_asked_ = false;
  bool timed_out_ = false;
};

class Pipe {
 public:
  Pipe() { good_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    if (!good_) return;
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  bool good() const { return good_; }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close_writing() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  bool good_ = false;
};

/// As opposed to a machine that has no memory or process to spare, or whose administrator lets nothing run from there.
bool is_fault_of_file(const std::string& file, int error) {
  struct statvfs system {};
  if (error == EACCES && ::statvfs(file.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) return false;
  return error == EACCES || error == ENOEXEC || error == EISDIR || error == ENOTDIR || error == ELOOP ||
         error == ENAMETOOLONG || error == EINVAL || error == ELIBBAD;
}

Error start_failure(const ProcessSpec& spec, const std::array<int, 2>& words) {
  constexpr int kStart = 4;
  static constexpr std::array<const char*, 6> kSteps{
      "",       "prepare the output of ", "change to the account of ", "enter the folder of ",
      "start ", "bind to its parent "};
  const auto step = static_cast<std::size_t>(words[0]) < kSteps.size() ? static_cast<std::size_t>(words[0]) : kStart;
  auto kind = words[1] == ENOENT ? ErrorKind::not_found : ErrorKind::denied;
  if (step == kStart && is_fault_of_file(spec.argv[0], words[1])) kind = ErrorKind::invalid;
  return {kind, kSteps.at(step) + spec.argv[0], words_of(words[1])};
}

}  // namespace

Result<std::uint32_t> user_id_of(const std::string& account) {
  UPSWARM_TRY(const auto found, find_account(account));
  return static_cast<std::uint32_t>(found.user);
}

std::uint64_t process_start(std::int64_t process) {
  constexpr int kFieldsBefore = 19;  // of proc(5): "starttime", counted from behind the name, which may hold anything
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(in, line, '\0');
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = 0; i < kFieldsBefore; ++i) fields >> field;
  std::uint64_t started = 0;
  fields >> started;
  return fields ? started : 0;
}

Result<ProcessOutcome> run_process(const ProcessSpec& spec, std::stop_token stop) {
  if (spec.argv.empty()) return Error{ErrorKind::invalid, "run a program", "no program named"};
  Launch launch;
  launch.folder = spec.folder.empty() ? "/" : spec.folder.string();
  for (const auto& word : spec.argv) launch.argv.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execve's type
  launch.argv.push_back(nullptr);
  for (const auto& [name, value] : spec.environment) launch.variables.push_back(name + "=" + value);
  for (auto& variable : launch.variables) launch.environment.push_back(variable.data());
  launch.environment.push_back(nullptr);
  if (!spec.account.empty()) {
    UPSWARM_TRY(const auto account, find_account(spec.account));
    if (account.user != ::geteuid()) launch.account = account;
  }
  launch.parent = ::getpid();

  Pipe output;
  Pipe errors;
  Pipe report;
  if (!output.good() || !errors.good() || !report.good())
    return Error{ErrorKind::denied, "run " + spec.argv[0], words_of(errno)};
  const pid_t child = ::fork();
  if (child < 0) return Error{ErrorKind::denied, "run " + spec.argv[0], words_of(errno)};
  if (child == 0)
    become(launch, output.writing(), spec.separates_errors ? errors.writing() : output.writing(), report.writing());
  output.close_writing();
  errors.close_writing();
  report.close_writing();
  std::array<int, 2> words{};
  if (::read(report.reading(), words.data(), sizeof words) == static_cast<ssize_t>(sizeof words)) {
    ::waitpid(child, nullptr, 0);
    return start_failure(spec, words);
  }
  ::fcntl(output.reading(), F_SETFL, O_NONBLOCK);
  ::fcntl(errors.reading(), F_SETFL, O_NONBLOCK);
  return Watch(child, output.reading(), spec.separates_errors ? errors.reading() : -1, spec).until_end(stop);
}

}  // namespace upswarm
