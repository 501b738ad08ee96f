#include "installer/service_watch.hpp"

#include "installer/program_of.hpp"

namespace upswarm::installer {

Result<void> ServiceWatch::begin(const std::stop_token& stop) {
  for (const auto& service : context_.services) {
    UPSWARM_TRY(began_[service], services_.look(service, stop));
  }
  return {};
}

Result<void> ServiceWatch::look(bool stable, const std::stop_token& stop) const {
  for (const auto& service : context_.services) {
    UPSWARM_TRY(const auto state, services_.look(service, stop));
    UPSWARM_CHECK(check(service, state, stable));
  }
  return {};
}

Result<void> ServiceWatch::check(const std::string& service, const ServiceState& state, bool stable) const {
  const auto wrong = [&](const std::string& why) {
    return Error{ErrorKind::invalid, "the service " + service + " after the start of " + context_.version, why};
  };
  if (state.active == "failed") return wrong("it has failed");
  if (stable) {
    const auto found = began_.find(service);
    const auto& began = found == began_.end() ? state : found->second;
    if (state.active != "active") return wrong("it is " + (state.active.empty() ? "not active" : state.active));
    if (state.restarts > began.restarts)
      return wrong("it was restarted " + std::to_string(state.restarts - began.restarts) + " times");
    if (state.main_process == 0) return wrong("it has no main process");
    if (began.main_process != 0 && began.main_process != state.main_process)
      return wrong("its main process is another one");
  }
  if (state.main_process == 0) return {};
  const auto program = program_of_(state.main_process);
  if (!program && stable && program.error().kind == ErrorKind::not_found) return wrong(program.error().message());
  if (!program) return {};  // the process is gone by itself, or the system does not let us see
  // An interpreter, or a service that only uses the release, runs a program from elsewhere.
  if (is_below(*program, context_.root / "versions") && !is_below(*program, context_.release))
    return wrong("it runs " + program->string());
  if (is_below(*program, context_.release) && was_replaced(*program))
    return wrong("it still runs what was replaced: " + program->string());
  return {};
}

}  // namespace upswarm::installer
