// What upswarm-launcher does before it becomes the installer.
#pragma once

#include <chrono>
#include <string>

#include "installer/trial.hpp"

namespace upswarm::installer {

/// So long may a release be on trial after a start: then it has hung, and its process is ended by SIGALRM.
inline constexpr std::chrono::seconds kLongestTrialRun = std::chrono::minutes(10);

struct Launch {
  Path program;           ///< below ROOT/versions/<version>/bin/
  bool on_trial = false;  ///< this start was counted
  std::string told;       ///< what an administrator should know; empty: nothing
};

/// Which program to become. Where `trial_file` says that what `current` names is on trial, this start is counted first,
/// and after kMostStarts of them `current` names the previous release again. What cannot be read or counted keeps
/// nothing from starting: it is told.
/// Errors: not_found  `current` names nothing and there is no trial; corrupt  it is no link into versions/.
Result<Launch> prepare_launch(Files& files, const Path& root, const Path& trial_file, const std::string& program);

/// The installer's word that its trial is over, or that it is on none: from now on it may run for ever.
void end_launch_watch();

}  // namespace upswarm::installer
