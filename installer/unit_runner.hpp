// Programs of a release as transient units of systemd, by systemd-run and systemctl: systemd.exec(5), systemd-run(1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "installer/command_runner.hpp"

namespace upswarm::installer {

struct UnitTools {
  Path systemd_run;
  Path systemctl;
};

/// One unit for each program, in no sandbox. When the time is over or the caller stops, all of it is asked to
/// end, and killed after the grace of its spec, which is a second at least. It ends with the unit of the installer,
/// where that is one. `forks` runs the tools.
std::unique_ptr<CommandRunner> make_unit_runner(UnitTools tools, std::unique_ptr<CommandRunner> forks);

/// The words after `systemd-run` that run `spec` as the unit `name`; `bound_to` is a unit to end with, or empty.
std::vector<std::string> unit_arguments(const ProcessSpec& spec, const std::string& name, const std::string& bound_to);

/// The properties that unit_outcome needs, for `systemctl show`.
inline constexpr const char* kOutcomeProperties = "--property=LoadState,Result,ExecMainCode,ExecMainStatus";

/// How a unit that failed has ended, by what `systemctl show` says of it.
/// Errors: denied  systemd did not start it; invalid  its program is none; not_found  no such folder, or (reason
/// no_account) account.
Result<ProcessOutcome> unit_outcome(std::string_view shown, const ProcessSpec& spec, std::string output);

/// The service that /proc/self/cgroup says this program is; empty: it is none.
std::string own_unit(std::string_view cgroup);

}  // namespace upswarm::installer
