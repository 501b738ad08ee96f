// Running what a release brings along: hooks, services, health checks. Everything run here was signed offline.
#pragma once

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
  Path release;  ///< working folder; relative programs are taken from here
};

/// Answers whether the product has confirmed that it runs (HealthCheck::Kind::confirm). Any thread.
class Confirmations {
 public:
  virtual ~Confirmations() = default;
  /// A new probation begins: earlier confirmations do not count.   Errors: disk  the token cannot be handed over.
  virtual Result<void> expect(const std::string& product, const std::string& account) = 0;
  virtual bool is_confirmed(const std::string& product) = 0;
};

class ReleaseRunner {
 public:
  virtual ~ReleaseRunner() = default;
  /// Errors: invalid  it failed or took too long (the context says so, the cause holds its last words), or cannot be
  /// run; denied  its account is missing, or the system has no way to start it now; cancelled.
  virtual Result<void> run_hook(const char* name, const trust::Command& command, const RunContext& context,
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
  /// Called before services start, so that the product finds its token (HealthCheck::Kind::confirm).   Errors: disk.
  virtual Result<void> prepare_health(const trust::HealthCheck& health, const RunContext& context) = 0;
  /// Waits until the release is healthy. Errors: invalid  it was not within the time; cancelled.
  virtual Result<void> check_health(const trust::HealthCheck& health, const RunContext& context,
                                    std::stop_token stop) = 0;
};

/// By `commands` and systemctl. `confirmations` must outlive the runner.
std::unique_ptr<ReleaseRunner> make_process_runner(Path systemctl, std::unique_ptr<CommandRunner> commands,
                                                   Confirmations& confirmations);

}  // namespace upswarm::installer
