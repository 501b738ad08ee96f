// The services of a product, by systemctl.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

struct ServiceState {
  bool is_known = false;          ///< there is such a unit
  std::string active;             ///< systemd's ActiveState: "active", "inactive", "failed", "activating", ...
  bool has_job = false;           ///< systemd is about to start or stop it
  std::int64_t main_process = 0;  ///< 0: none
  std::int64_t restarts = 0;      ///< by systemd itself, since somebody started it
};

/// Failures of systemctl itself (missing, not to be run, no bus for `look`) are `denied`: they are the machine's.
class Services {
 public:
  explicit Services(Path systemctl) : systemctl_(std::move(systemctl)) {}

  /// What systemctl does not say has its default.   Errors: denied, cancelled.
  Result<ServiceState> look(const std::string& service, const std::stop_token& stop) const;

  /// Those of `services` that are to run: all but the ones that are not there or were stopped, not by a failure. One
  /// that waits for its start, as just after boot, is to run.
  /// Errors: denied, cancelled.
  Result<std::vector<std::string>> running(const std::vector<std::string>& services, const std::stop_token& stop) const;

  /// Whether systemd shuts down or reboots, and may have stopped anything for that. What cannot be told counts as no.
  bool is_machine_going_down() const;

  /// Each of them, the last first; one that fails holds up no other, and all failures are told, as `denied` where
  /// systemctl itself was among them.   Errors: busy  a service does not stop; denied; cancelled  the rest was not
  /// tried.
  Result<void> stop(const std::vector<std::string>& services, const std::stop_token& stop) const;

  /// As stop(), but the first first.   Errors: invalid  a service does not start; denied, cancelled.
  Result<void> start(const std::vector<std::string>& services, const std::stop_token& stop) const;

 private:
  Result<void> control(const char* verb, const std::vector<std::string>& services, ErrorKind kind,
                       const std::stop_token& stop) const;

  Path systemctl_;
};

}  // namespace upswarm::installer
