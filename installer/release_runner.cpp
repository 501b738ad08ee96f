#include "installer/release_runner.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "protocol/base/process.hpp"

namespace upswarm::installer {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kServiceLimit{std::chrono::seconds(90)};
constexpr const char* kSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Waits, but not past a stop.
void wait_for(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
}

/// The end of what a program said, for a report.
std::string last_words(const ProcessOutcome& outcome) {
  constexpr std::size_t kWords = 2000;
  auto text = outcome.output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > kWords) text = "..." + text.substr(text.size() - kWords);
  const auto ended = outcome.timed_out ? std::string("it took too long and was ended")
                                       : "exit code " + std::to_string(outcome.exit_code);
  return text.empty() ? ended : ended + "; its last words: " + text;
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
  ProcessRunner(Path systemctl, Confirmations& confirmations)
      : systemctl_(std::move(systemctl)), confirmations_(confirmations) {}

  Result<void> run_hook(const char* name, const trust::Command& command, const RunContext& context,
                        std::stop_token stop) override {
    const auto doing = "hook " + std::string(name) + " of " + context.product + " " + context.version;
    auto outcome = run_process(spec_of(command, context), std::move(stop));
    if (!outcome) return std::move(outcome).error().within(doing);
    if (outcome->succeeded()) return {};
    return Error{ErrorKind::invalid, doing, last_words(*outcome)};
  }

  Result<void> stop_services(const std::vector<std::string>& services, std::stop_token stop) override {
    return control("stop", {services.rbegin(), services.rend()}, stop);  // the last started stops first
  }

  Result<void> start_services(const std::vector<std::string>& services, std::stop_token stop) override {
    return control("start", services, stop);
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
    auto outcome = run_process(spec, stop);
    if (!outcome) return std::move(outcome).error().within(doing);
    if (outcome->succeeded()) return std::nullopt;
    return Error{ErrorKind::invalid, doing, last_words(*outcome)};
  }

  Result<void> control(const char* verb, const std::vector<std::string>& services, const std::stop_token& stop) {
    for (const auto& service : services) {
      ProcessSpec spec;
      spec.argv = {systemctl_.string(), verb, service};
      spec.environment = {{"PATH", kSearchPath}, {"LANG", "C.UTF-8"}};
      spec.time_limit = kServiceLimit;
      const auto doing = std::string(verb) + " the service " + service;
      auto outcome = run_process(spec, stop);
      if (!outcome) return std::move(outcome).error().within(doing);
      if (!outcome->succeeded()) return Error{ErrorKind::invalid, doing, last_words(*outcome)};
    }
    return {};
  }

  Path systemctl_;
  Confirmations& confirmations_;
};

}  // namespace

std::unique_ptr<ReleaseRunner> make_process_runner(Path systemctl, Confirmations& confirmations) {
  return std::make_unique<ProcessRunner>(std::move(systemctl), confirmations);
}

}  // namespace upswarm::installer
