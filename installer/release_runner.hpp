// Running what a release brings along: hooks, services, health checks. Everything run here was signed offline.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "installer/command_runner.hpp"
#include "installer/config.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

/// What a hook or check is told, in its environment: UPSWARM_PRODUCT, UPSWARM_VERSION, UPSWARM_FROM, UPSWARM_ROOT.
struct RunContext {
  std::string product;
  std::string version;
  std::string from;
  Path root;
  Path release;                            ///< working folder; relative programs are taken from here
  std::vector<std::string> services = {};  ///< that were started, for the health check
};

/// Who must confirm.
struct Expectation {
  std::string account;  ///< empty: the installer's own
  Path programs = {};   ///< folder that the confirming program must be in; empty: any program
};

/// Answers whether the product has confirmed that it runs (HealthCheck::Kind::confirm). Any thread.
class Confirmations {
 public:
  virtual ~Confirmations() = default;
  /// A new probation begins: earlier confirmations do not count.   Errors: disk  the token cannot be handed over;
  /// denied  no such account.
  virtual Result<void> expect(const std::string& product, const Expectation& from) = 0;
  /// A probation goes on after a restart of the installer: its token and confirmation count, if they are still there.
  /// Or else a new one begins, and the answer is true: the product needs another start for its token.   Errors: as
  /// expect.
  virtual Result<bool> resume(const std::string& product, const Expectation& from) = 0;
  virtual bool is_confirmed(const std::string& product) = 0;
  /// The probation is over.
  virtual void forget(const std::string& product) = 0;
};

/// What is `invalid` counts against the release. While the machine goes down, which stops services and hooks before it
/// stops the installer, that is `denied`.
class ReleaseRunner {
 public:
  virtual ~ReleaseRunner() = default;
  /// Errors: invalid  it failed or took too long (the context says so, the cause holds its last words), or cannot be
  /// run; denied  its account is missing, or the system has no way to start it now; cancelled.
  virtual Result<void> run_hook(const char* name, const trust::Command& command, const RunContext& context,
                                std::stop_token stop) = 0;
  /// Any other program of a release, as hooks are run, its errors separate; what its end means is the caller's. Errors:
  /// as CommandRunner::run.
  virtual Result<ProcessOutcome> run_program(const trust::Command& command, const RunContext& context,
                                             std::stop_token stop) = 0;
  /// Those of `services` that are to run now: an administrator, not a failure, has stopped the others.
  /// Errors: denied  the service manager cannot be asked; cancelled.
  virtual Result<std::vector<std::string>> running_services(const std::vector<std::string>& services,
                                                            std::stop_token stop) = 0;
  /// All of them, the last first, whatever fails, and all failures are told.
  /// Errors: busy  one does not stop; denied  the service manager cannot be asked; cancelled.
  virtual Result<void> stop_services(const std::vector<std::string>& services, std::stop_token stop) = 0;
  /// All of them.   Errors: invalid  one does not start; denied, cancelled.
  virtual Result<void> start_services(const std::vector<std::string>& services, std::stop_token stop) = 0;
  /// Called before services start, so that the product finds its token (HealthCheck::Kind::confirm).   Errors: disk;
  /// denied  no such account.
  virtual Result<void> prepare_health(const trust::HealthCheck& health, const RunContext& context) = 0;
  /// The same after a restart of the installer in a probation: what was confirmed stays so. True: services must be
  /// stopped before they are started, for what they were given is gone.   Errors: as prepare_health.
  virtual Result<bool> resume_health(const trust::HealthCheck& health, const RunContext& context) = 0;
  /// Waits until the release is healthy, and looks at what the services of `context` run.
  /// Errors: invalid  it was not within the time, or not for as long as asked; denied  it cannot be told, by a fault of
  /// the machine; cancelled.
  virtual Result<void> check_health(const trust::HealthCheck& health, const RunContext& context,
                                    std::stop_token stop) = 0;
  /// As close_programs (closing.hpp).   Errors: busy, denied, cancelled.
  virtual Result<void> close_programs(const ReleasePlace& release, const Closing& closing, const std::string& spared,
                                      std::stop_token stop) = 0;
  /// As folders_in_use (folders_in_use.hpp), within a few seconds.   Errors: busy, denied, cancelled.
  virtual Result<std::map<std::string, std::string>> in_use(const Path& versions, std::stop_token stop) = 0;
};

/// By `commands` and systemctl. `confirmations` must outlive the runner.
std::unique_ptr<ReleaseRunner> make_process_runner(Path systemctl, std::unique_ptr<CommandRunner> commands,
                                                   Confirmations& confirmations);

}  // namespace upswarm::installer
