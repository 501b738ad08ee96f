// What really runs after a switch, and whether it goes on to.
#pragma once

#include <functional>
#include <map>

#include "installer/release_runner.hpp"
#include "installer/services.hpp"

namespace upswarm::installer {

/// Watches the services of `context` from begin() on. Not for use by two threads at once.
class ServiceWatch {
 public:
  using ProgramOf = std::function<Result<Path>(std::int64_t process)>;
  /// `services` and `context` must outlive the watch.
  ServiceWatch(const Services& services, const RunContext& context, ProgramOf program_of)
      : services_(services), context_(context), program_of_(std::move(program_of)) {}

  /// Remembers each service's main process and restarts.   Errors: as look.
  Result<void> begin(const std::stop_token& stop);

  /// No service has failed, and none runs a program of another release: where it is under ROOT/versions at all, it is
  /// of this one, and what is there now. `stable`: each is active with the main process it had at begin(), and systemd
  /// has not restarted it since. Errors: invalid  a service does otherwise; denied  systemctl cannot be asked;
  /// cancelled.
  Result<void> look(bool stable, const std::stop_token& stop) const;

 private:
  Result<void> check(const std::string& service, const ServiceState& state, bool stable) const;

  const Services& services_;
  const RunContext& context_;
  ProgramOf program_of_;
  std::map<std::string, ServiceState> began_;
};

}  // namespace upswarm::installer
