// Small real releases for installer tests: trees on disk, packed, with the entries that would be signed.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "installer/installation.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::tests {

/// A runner that does what the test says, and remembers what it was asked to.
class ScriptedRunner final : public installer::ReleaseRunner {
 public:
  std::vector<std::string> calls;
  bool is_token_lost = false;             ///< a restart in probation lost what services were given
  std::set<std::string> stopped;          ///< services that an administrator stopped before
  std::map<std::string, Error> failures;  ///< by call: "health 2.0.0", "hook after", "stop web", ...
  std::function<void(const std::string&)> on_call;
  std::function<void(const std::string&, const installer::RunContext&)> on_run;
  std::function<Result<ProcessOutcome>(const std::vector<std::string>&)> on_program;  ///< what the system does

  Result<void> run_hook(const char* name, const trust::Command& /*command*/, const installer::RunContext& context,
                        std::stop_token /*stop*/) override {
    if (on_run) on_run("hook " + std::string(name), context);
    return note("hook " + std::string(name));
  }
  Result<ProcessOutcome> run_program(const trust::Command& command, const installer::RunContext& /*context*/,
                                     std::stop_token /*stop*/) override {
    return on_program ? on_program(command.argv) : Result<ProcessOutcome>(ProcessOutcome{});
  }
  Result<std::vector<std::string>> running_services(const std::vector<std::string>& services,
                                                    std::stop_token /*stop*/) override {
    if (const auto found = failures.find("look"); found != failures.end()) return found->second;
    std::vector<std::string> found;
    for (const auto& service : services) {
      if (!stopped.contains(service)) found.push_back(service);
    }
    return found;
  }
  Result<void> stop_services(const std::vector<std::string>& services, std::stop_token /*stop*/) override {
    for (const auto& service : services) UPSWARM_CHECK(note("stop " + service));
    return {};
  }
  Result<void> start_services(const std::vector<std::string>& services, std::stop_token /*stop*/) override {
    for (const auto& service : services) UPSWARM_CHECK(note("start " + service));
    return {};
  }
  Result<void> prepare_health(const trust::HealthCheck& /*health*/, const installer::RunContext& /*context*/) override {
    return {};
  }
  Result<bool> resume_health(const trust::HealthCheck& /*health*/, const installer::RunContext& /*context*/) override {
    return is_token_lost;
  }
  Result<void> check_health(const trust::HealthCheck& /*health*/, const installer::RunContext& context,
                            std::stop_token /*stop*/) override {
    if (on_run) on_run("health " + context.version, context);
    return note("health " + context.version);
  }
  Result<void> close_programs(const installer::ReleasePlace& release, const installer::Closing& closing,
                              const std::string& /*spared*/, std::stop_token /*stop*/) override {
    if (closing.running == installer::Running::leave) return {};
    return note("close " + release.folder.filename().string());
  }
  std::set<std::string> used;  ///< versions that processes still run
  std::optional<Error> does_not_tell_use;
  Result<std::map<std::string, std::string>> in_use(const Path& /*versions*/, std::stop_token /*stop*/) override {
    if (does_not_tell_use) return *does_not_tell_use;
    std::map<std::string, std::string> users;
    for (const auto& version : used) users[version] = "process 12, account 1000";
    return users;
  }

 private:
  Result<void> note(const std::string& call) {
    calls.push_back(call);
    if (on_call) on_call(call);
    const auto found = failures.find(call);
    if (found != failures.end()) return found->second;
    return {};
  }
};

/// A release with its packages as files.
struct MadeRelease {
  trust::Entry entry;
  Path tree;  ///< the folder it was packed from
  Path full;
  std::map<std::string, Path> deltas;  ///< by the version they start from
};

using TreeFiles = std::map<std::string, std::string>;  ///< path -> content

/// Packs `files` as `version`, with a delta from `base` when one is given.
MadeRelease make_release(const TemporaryFolder& folder, const std::string& version, std::int64_t n,
                         const TreeFiles& files, const MadeRelease* base = nullptr);

/// Two releases that differ by a changed, an added, a removed and a moved file.
TreeFiles first_tree();
TreeFiles second_tree();
/// The second one with another file changed.
TreeFiles third_tree();

}  // namespace upswarm::tests
