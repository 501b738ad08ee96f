#include "installer/unit_runner.hpp"

#include <algorithm>
#include <filesystem>

#include "installer/last_words.hpp"
#include "installer/proc_file.hpp"
#include "installer/properties.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kToolLimit = std::chrono::seconds(30);  ///< what systemd may need besides the program itself
constexpr milliseconds kLeastGrace = std::chrono::seconds(1);  ///< of 0 systemd would make no limit
constexpr Bytes kLongestCgroup = 64_KiB;

// systemd.exec(5), "Process exit codes", and CLD_* of waitid(2).
constexpr int kNoFolder = 200;
constexpr int kNoProgram = 203;
constexpr int kNoAccount = 217;
constexpr int kExited = 1;

/// systemd puts variables into arguments; the first one, the program, it takes as it is.
std::string escaped(const std::string& word) {
  std::string text;
  for (const char c : word) text += c == '$' ? "$$" : std::string(1, c);
  return text;
}

milliseconds grace_of(const ProcessSpec& spec) { return std::max(spec.grace, kLeastGrace); }

bool is_root(const std::string& account) { return account.empty() || account == "root" || account == "0"; }

bool is_folder(const Path& path) {
  std::error_code code;
  return std::filesystem::is_directory(path, code);
}

class UnitRunner final : public CommandRunner {
 public:
  UnitRunner(UnitTools tools, std::unique_ptr<CommandRunner> forks)
      : tools_(std::move(tools)), forks_(std::move(forks)) {
    const auto cgroup = read_proc_file(system_files(), "/proc/self/cgroup", kLongestCgroup);
    if (cgroup) bound_to_ = own_unit(*cgroup);
  }

  Result<ProcessOutcome> run(const ProcessSpec& spec, std::stop_token stop) override {
    if (spec.argv.empty()) return Error{ErrorKind::invalid, "run a program", "no program named"};
    const auto name = "upswarm-" + to_hex(random_bytes(8)) + ".service";
    auto tool = tool_spec(tools_.systemd_run, unit_arguments(spec, name, bound_to_));
    tool.time_limit = spec.time_limit + grace_of(spec) + kToolLimit;
    tool.separates_errors = spec.separates_errors;
    // The tool stays until its unit has ended: it holds what the program writes to.
    tool.grace = grace_of(spec) + kToolLimit;
    tool.ask = [this, &name] {
      ignore_failure(forks_->run(tool_spec(tools_.systemctl, {"stop", "--no-block", name}), {}),
                     "a unit that cannot be asked is killed when its grace is over");
    };
    auto outcome = forks_->run(tool, std::move(stop));
    if (!outcome) {
      end(name);
      if (outcome.error().kind == ErrorKind::cancelled) return std::move(outcome).error();
      return Error{ErrorKind::denied, "start a unit for " + spec.argv[0], outcome.error().message()};
    }
    if (outcome->succeeded()) return outcome;
    auto told = ask(name, spec, outcome->output + outcome->errors);
    if (told) {
      told->output = std::move(outcome->output);
      told->errors = std::move(outcome->errors);
    }
    end(name);
    // The unit ends its program in time: a tool that waits on is systemd's fault.
    if (outcome->timed_out && !(told && told->timed_out))
      return Error{ErrorKind::denied, "start a unit for " + spec.argv[0], "systemd-run did not end in time"};
    return told;
  }

 private:
  static ProcessSpec tool_spec(const Path& tool, const std::vector<std::string>& words) {
    ProcessSpec spec;
    spec.argv = {tool.string()};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.environment = {{"PATH", kSearchPath}, {"LANG", "C.UTF-8"}};
    spec.time_limit = kToolLimit;
    return spec;
  }

  /// systemd-run ends with 1 for its own failures, too: the unit knows.
  Result<ProcessOutcome> ask(const std::string& name, const ProcessSpec& spec, std::string output) {
    const auto shown = forks_->run(tool_spec(tools_.systemctl, {"show", kOutcomeProperties, name}), {});
    if (shown && shown->succeeded()) return unit_outcome(shown->output, spec, std::move(output));
    return Error{ErrorKind::denied, "start a unit for " + spec.argv[0], output};
  }

  /// Kills what is left of it, and lets systemd forget it.
  void end(const std::string& name) {
    for (const auto& words : {std::vector<std::string>{"kill", "--signal=SIGKILL", name},
                              std::vector<std::string>{"stop", name}, std::vector<std::string>{"reset-failed", name}}) {
      ignore_failure(forks_->run(tool_spec(tools_.systemctl, words), {}), "a unit that is gone cannot be ended");
    }
  }

  UnitTools tools_;
  std::unique_ptr<CommandRunner> forks_;
  std::string bound_to_;
};

}  // namespace

std::unique_ptr<CommandRunner> make_unit_runner(UnitTools tools, std::unique_ptr<CommandRunner> forks) {
  return std::make_unique<UnitRunner>(std::move(tools), std::move(forks));
}

std::vector<std::string> unit_arguments(const ProcessSpec& spec, const std::string& name, const std::string& bound_to) {
  std::vector<std::string> words{"--quiet",
                                 "--wait",
                                 "--pipe",
                                 "--service-type=exec",
                                 "--unit=" + name,
                                 "--description=Upswarm: " + spec.argv.at(0),
                                 "--property=RuntimeMaxSec=" + std::to_string(spec.time_limit.count()) + "ms",
                                 "--property=TimeoutStopSec=" + std::to_string(grace_of(spec).count()) + "ms",
                                 "--property=KillMode=control-group",
                                 "--property=UMask=0022",
                                 "--property=WorkingDirectory=" + (spec.folder.empty() ? "/" : spec.folder.string())};
  if (!is_root(spec.account)) {
    words.push_back("--property=User=" + spec.account);
    words.emplace_back("--property=NoNewPrivileges=yes");
    words.emplace_back("--property=CapabilityBoundingSet=");
  }
  if (!bound_to.empty()) words.push_back("--property=BindsTo=" + bound_to);
  for (const auto& [key, value] : spec.environment) words.push_back("--setenv=" + key + "=" + value);
  words.emplace_back("--");
  words.push_back(spec.argv.at(0));
  for (std::size_t i = 1; i < spec.argv.size(); ++i) words.push_back(escaped(spec.argv.at(i)));
  return words;
}

Result<ProcessOutcome> unit_outcome(std::string_view shown, const ProcessSpec& spec, std::string output) {
  auto properties = read_properties(shown);
  const auto code = number_of(properties["ExecMainCode"]);
  const auto status = static_cast<int>(number_of(properties["ExecMainStatus"]));
  const auto& program = spec.argv.at(0);
  if (properties["LoadState"] != "loaded" || code == 0)
    return Error{ErrorKind::denied, "start a unit for " + program, output.empty() ? "systemd did not" : output};
  if (code == kExited && status == kNoProgram)
    return Error{ErrorKind::invalid, "start " + program, "it is missing, or no program that can run here"};
  // A program may end with these codes itself: when it began says nothing, systemd sets that before its own steps.
  if (code == kExited && status == kNoFolder && !spec.folder.empty() && !is_folder(spec.folder))
    return Error{ErrorKind::not_found, "enter the folder of " + program, spec.folder.string()};
  if (code == kExited && status == kNoAccount && !spec.account.empty() && !user_id_of(spec.account))
    return Error{ErrorKind::not_found, "account \"" + spec.account + "\"", "there is none of this name", "no_account"};
  return ProcessOutcome{.exit_code = code == kExited ? status : 128 + status,
                        .timed_out = properties["Result"] == "timeout",
                        .output = std::move(output),
                        .errors = {}};
}

std::string own_unit(std::string_view cgroup) {
  constexpr std::string_view kService = ".service";
  while (!cgroup.empty()) {
    const auto line = cgroup.substr(0, cgroup.find('\n'));
    cgroup.remove_prefix(std::min(cgroup.size(), line.size() + 1));
    // "0::/system.slice/x.service", before version 2 "1:name=systemd:/system.slice/x.service".
    if (!line.starts_with("0::/") && line.find(":name=systemd:/") == std::string_view::npos) continue;
    const auto name = line.substr(line.rfind('/') + 1);
    if (name.ends_with(kService) && name.size() > kService.size()) return std::string(name);
  }
  return "";
}

}  // namespace upswarm::installer
