#include "installer/services.hpp"

#include "installer/last_words.hpp"
#include "installer/properties.hpp"

namespace upswarm::installer {
namespace {

constexpr std::chrono::milliseconds kServiceLimit{std::chrono::seconds(90)};

/// Whatever keeps systemctl from running is no fault of a service or release.
Result<ProcessOutcome> run(std::vector<std::string> argv, const std::stop_token& stop) {
  if (stop.stop_requested()) return Error{ErrorKind::cancelled, "run systemctl", "stopped"};
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.environment = {{"PATH", kSearchPath}, {"LANG", "C.UTF-8"}};
  spec.time_limit = kServiceLimit;
  auto outcome = run_process(spec, stop);
  if (outcome || outcome.error().kind == ErrorKind::cancelled) return outcome;
  return Error{ErrorKind::denied, "run systemctl", outcome.error().message()};
}

struct Failure {
  std::string service;
  std::string words;
};

Error told(const char* verb, ErrorKind kind, const std::vector<Failure>& failures) {
  if (failures.size() == 1) return {kind, std::string(verb) + " the service " + failures[0].service, failures[0].words};
  std::string names;
  std::string words;
  for (const auto& one : failures) {
    names += (names.empty() ? "" : ", ") + one.service;
    words += (words.empty() ? "" : "; ") + one.service + ": " + one.words;
  }
  return {kind, std::string(verb) + " the services " + names, words};
}

}  // namespace

Result<ServiceState> Services::look(const std::string& service, const std::stop_token& stop) const {
  const auto doing = "look at the service " + service;
  auto outcome =
      run({systemctl_.string(), "show", "--property=LoadState,ActiveState,Job,MainPID,NRestarts", service}, stop);
  if (!outcome) return std::move(outcome).error().within(doing);
  if (!outcome->succeeded()) return Error{ErrorKind::denied, doing, last_words(*outcome)};
  auto properties = read_properties(outcome->output);
  const auto& load = properties["LoadState"];
  return ServiceState{.is_known = load != "not-found",
                      .active = properties["ActiveState"],
                      .has_job = number_of(properties["Job"]) != 0,
                      .main_process = number_of(properties["MainPID"]),
                      .restarts = number_of(properties["NRestarts"])};
}

Result<std::vector<std::string>> Services::running(const std::vector<std::string>& services,
                                                   const std::stop_token& stop) const {
  std::vector<std::string> found;
  for (const auto& service : services) {
    UPSWARM_TRY(const auto state, look(service, stop));
    if (state.is_known && (state.active != "inactive" || state.has_job)) found.push_back(service);
  }
  return found;
}

bool Services::is_machine_going_down() const {
  // As systemd itself tells, who says "starting" of a machine that goes down before all of it was up.
  const auto state = look("shutdown.target", {});
  return state && (state->has_job || state->active == "active");
}

Result<void> Services::stop(const std::vector<std::string>& services, const std::stop_token& stop) const {
  return control("stop", {services.rbegin(), services.rend()}, ErrorKind::busy, stop);
}

Result<void> Services::start(const std::vector<std::string>& services, const std::stop_token& stop) const {
  return control("start", services, ErrorKind::invalid, stop);
}

Result<void> Services::control(const char* verb, const std::vector<std::string>& services, ErrorKind kind,
                               const std::stop_token& stop) const {
  std::vector<Failure> failures;
  for (const auto& service : services) {
    const auto outcome = run({systemctl_.string(), verb, service}, stop);
    if (outcome && outcome->succeeded()) continue;
    failures.push_back({service, outcome ? last_words(*outcome) : outcome.error().message()});
    if (outcome) continue;
    kind = outcome.error().kind;
    if (kind == ErrorKind::cancelled) break;
  }
  if (failures.empty()) return {};
  return told(verb, kind, failures);
}

}  // namespace upswarm::installer
