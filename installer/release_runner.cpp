#include "installer/release_runner.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "installer/folders_in_use.hpp"
#include "installer/http_health.hpp"
#include "installer/last_words.hpp"
#include "installer/program_of.hpp"
#include "installer/service_watch.hpp"
#include "installer/services.hpp"

namespace upswarm::installer {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kShortestTry{100};
constexpr milliseconds kLongestAnswer{std::chrono::seconds(5)};  ///< of one question by HTTP
constexpr milliseconds kLongestLook{std::chrono::seconds(10)};   ///< at the processes of the machine
// From SIGTERM to SIGKILL when the time is over: another installer killed while it writes leaves a half-done package.
constexpr milliseconds kHookGrace{std::chrono::seconds(10)};
constexpr milliseconds kForeignGrace{std::chrono::seconds(30)};

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
    auto spec = spec_of(command, context);
    spec.grace = kHookGrace;
    if (const auto failure = run_once(spec, doing, stop)) return blamed(*failure);
    return {};
  }

  Result<ProcessOutcome> run_program(const trust::Command& command, const RunContext& context,
                                     std::stop_token stop) override {
    auto spec = spec_of(command, context);
    spec.grace = kForeignGrace;
    spec.separates_errors = true;
    return commands_->run(spec, std::move(stop));
  }

  Result<std::vector<std::string>> running_services(const std::vector<std::string>& services,
                                                    std::stop_token stop) override {
    return services_.running(services, stop);
  }

  Result<void> stop_services(const std::vector<std::string>& services, std::stop_token stop) override {
    return services_.stop(services, stop);
  }

  Result<void> start_services(const std::vector<std::string>& services, std::stop_token stop) override {
    return blamed(services_.start(services, stop));
  }

  Result<void> prepare_health(const trust::HealthCheck& health, const RunContext& context) override {
    if (health.kind != trust::HealthCheck::Kind::confirm) return {};
    return confirmations_.expect(context.product, expectation_of(health, context));
  }

  Result<bool> resume_health(const trust::HealthCheck& health, const RunContext& context) override {
    if (health.kind != trust::HealthCheck::Kind::confirm) return false;
    return confirmations_.resume(context.product, expectation_of(health, context));
  }

  Result<void> check_health(const trust::HealthCheck& health, const RunContext& context,
                            std::stop_token stop) override {
    const auto result = blamed(judge(health, context, stop));
    const bool is_over = result || result.error().kind != ErrorKind::cancelled;
    if (is_over && health.kind == trust::HealthCheck::Kind::confirm) confirmations_.forget(context.product);
    return result;
  }

  Result<void> close_programs(const ReleasePlace& release, const Closing& closing, const std::string& spared,
                              std::stop_token stop) override {
    return installer::close_programs(*processes_, release, closing, spared, stop);
  }

  Result<std::map<std::string, std::string>> in_use(const Path& versions, std::stop_token stop) override {
    return folders_in_use(versions, kLongestLook, stop);
  }

 private:
  static Expectation expectation_of(const trust::HealthCheck& health, const RunContext& context) {
    return {.account = health.account, .programs = health.executable ? context.release : Path()};
  }

  Result<void> blamed(Result<void> result) const {
    if (result || result.error().kind != ErrorKind::invalid || !services_.is_machine_going_down()) return result;
    auto error = std::move(result).error().within("while the machine goes down");
    error.kind = ErrorKind::denied;
    return error;
  }

  Result<void> judge(const trust::HealthCheck& health, const RunContext& context, const std::stop_token& stop) {
    const bool stable = health.stable.count() > 0;
    const auto stable_at = SteadyClock::now() + health.stable;
    ServiceWatch watch(services_, context, program_of);
    UPSWARM_CHECK(watch.begin(stop));
    UPSWARM_CHECK(await_health(health, context, stop));
    for (;;) {
      UPSWARM_CHECK(watch.look(stable, stop));
      if (SteadyClock::now() >= stable_at) return {};
      wait_for(health.every, stop);
    }
  }

  Result<void> await_health(const trust::HealthCheck& health, const RunContext& context, const std::stop_token& stop) {
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

  std::optional<Error> check_once(const trust::HealthCheck& health, const RunContext& context,
                                  SteadyClock::time_point deadline, const std::stop_token& stop) {
    const auto doing = "health check of " + context.product + " " + context.version;
    const auto left = std::max(std::chrono::duration_cast<milliseconds>(deadline - SteadyClock::now()), kShortestTry);
    if (health.kind == trust::HealthCheck::Kind::confirm) {
      if (confirmations_.is_confirmed(context.product)) return std::nullopt;
      return Error{ErrorKind::invalid, doing, "the product did not confirm within " + to_string(health.within)};
    }
    if (health.kind == trust::HealthCheck::Kind::http) {
      auto checked = check_http(health, std::min(left, kLongestAnswer), stop);
      if (checked) return std::nullopt;
      return std::move(checked).error().within(doing);
    }
    auto spec = spec_of(health.command, context);
    spec.time_limit = std::clamp(left, kShortestTry, std::max(health.command.timeout, kShortestTry));
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
  std::unique_ptr<ProcessTable> processes_ = make_process_table();
};

}  // namespace

std::unique_ptr<ReleaseRunner> make_process_runner(Path systemctl, std::unique_ptr<CommandRunner> commands,
                                                   Confirmations& confirmations) {
  return std::make_unique<ProcessRunner>(std::move(systemctl), std::move(commands), confirmations);
}

}  // namespace upswarm::installer
