#include "installer/release_runner.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "installer/last_words.hpp"
#include "installer/services.hpp"

namespace upswarm::installer {
namespace {

using SteadyClock = std::chrono::steady_clock;
/// Waits, but not past a stop.
void wait_for(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
}

ProcessSpec spec_of(const trust::Command& command, const RunContext& context) {
  ProcessSpec spec;
  spec.argv = command.argv;
  if (Path(spec.argv.at(0)).is_relative()) spec.argv.at(0) = (context.release / spec.argv.at(0)).string();
  spec.folder = context.release;
  spec.account = command.run_as;
  spec.time_limit = command.timeout;
  spec.environment = {{"PATH", kSearchPath},
                      {"LANG", "C.UTF-8"},
                      {"UPSWARM_PRODUCT", context.product},
                      {"UPSWARM_VERSION", context.version},
                      {"UPSWARM_FROM", context.from},
                      {"UPSWARM_ROOT", context.root.string()}};
  return spec;
}

class ProcessRunner final : public ReleaseRunner {
 public:
  ProcessRunner(Path systemctl, std::unique_ptr<CommandRunner> commands, Confirmations& confirmations)
      : services_(std::move(systemctl)), commands_(std::move(commands)), confirmations_(confirmations) {}

  Result<void> run_hook(const char* name, const trust::Command& command, const RunContext& context,
                        std::stop_token stop) override {
    const auto doing = "hook " + std::string(name) + " of " + context.product + " " + context.version;
    if (const auto failure = run_once(spec_of(command, context), doing, stop)) return *failure;
    return {};
  }

  Result<std::vector<std::string>> running_services(const std::vector<std::string>& services,
                                                    std::stop_token stop) override {
    return services_.running(services, stop);
  }

  Result<void> stop_services(const std::vector<std::string>& services, std::stop_token stop) override {
    return services_.stop(services, stop);
  }

  Result<void> start_services(const std::vector<std::string>& services, std::stop_token stop) override {
    return services_.start(services, stop);
  }

  Result<void> prepare_health(const trust::HealthCheck& health, const RunContext& context) override {
    if (health.kind != trust::HealthCheck::Kind::confirm) return {};
    return confirmations_.expect(context.product, health.account);
  }

  Result<void> check_health(const trust::HealthCheck& health, const RunContext& context,
                            std::stop_token stop) override {
    if (health.kind == trust::HealthCheck::Kind::none) return {};
    const auto deadline = SteadyClock::now() + health.within;
    for (;;) {
      const auto failure = check_once(health, context, deadline, stop);
      if (!failure) return {};
      if (failure->kind == ErrorKind::cancelled) return *failure;
      if (SteadyClock::now() + health.every >= deadline) return *failure;
      wait_for(health.every, stop);
      if (stop.stop_requested()) return Error{ErrorKind::cancelled, "health check", "stopped"};
    }
  }

 private:
  std::optional<Error> check_once(const trust::HealthCheck& health, const RunContext& context,
                                  SteadyClock::time_point deadline, const std::stop_token& stop) {
    const auto doing = "health check of " + context.product + " " + context.version;
    if (health.kind == trust::HealthCheck::Kind::confirm) {
      if (confirmations_.is_confirmed(context.product)) return std::nullopt;
      return Error{ErrorKind::invalid, doing, "the product did not confirm within " + to_string(health.within)};
    }
    auto spec = spec_of(health.command, context);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    spec.time_limit = std::clamp(left, std::chrono::milliseconds(100),
                                 std::max(health.command.timeout, std::chrono::milliseconds(100)));
    return run_once(spec, doing, stop);
  }

  /// A program that is missing is the release's fault, an account that is missing the machine's.
  std::optional<Error> run_once(const ProcessSpec& spec, const std::string& doing, const std::stop_token& stop) {
    auto outcome = commands_->run(spec, stop);
    if (outcome && outcome->succeeded()) return std::nullopt;
    if (outcome) return Error{ErrorKind::invalid, doing, last_words(*outcome)};
    auto error = std::move(outcome).error().within(doing);
    if (error.kind == ErrorKind::not_found)
      error.kind = error.reason == "no_account" ? ErrorKind::denied : ErrorKind::invalid;
    return error;
  }

  Services services_;
  std::unique_ptr<CommandRunner> commands_;
  Confirmations& confirmations_;
};

}  // namespace

std::unique_ptr<ReleaseRunner> make_process_runner(Path systemctl, std::unique_ptr<CommandRunner> commands,
                                                   Confirmations& confirmations) {
  return std::make_unique<ProcessRunner>(std::move(systemctl), std::move(commands), confirmations);
}

}  // namespace upswarm::installer
