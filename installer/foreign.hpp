// Releases that another installer installs: a package that this program keeps, and commands that the entry signs.
#pragma once

#include "installer/release_runner.hpp"

namespace upswarm::installer {

/// One release of this kind, on this machine.
struct ForeignRelease {
  const trust::Foreign& foreign;
  RunContext context;  ///< whose `release` is the folder with the package
};

/// The reason of the error with which install() passes on that the other installer cannot now.
inline constexpr const char* kNotNow = "not_now";

/// Asks other installers. What they do cannot be undone by this program: that a release is put back is best effort, and
/// what counts is what the detection rule finds afterwards. Not for use by two threads at once.
class ForeignInstaller {
 public:
  /// Both must outlive the object.
  ForeignInstaller(Files& files, ReleaseRunner& runner) : files_(files), runner_(runner) {}

  /// Whether `release` is what is installed. A program that is missing, fails or takes too long says no.
  /// Errors: denied, disk  it cannot be told; cancelled.
  Result<bool> is_installed(const ForeignRelease& release, const std::stop_token& stop);

  /// Whether by both rules `release` is installed and `other` (nothing: no other) is not: a rule may be true of both.
  Result<bool> is_settled(const ForeignRelease& release, const std::optional<ForeignRelease>& other,
                          const std::stop_token& stop);

  /// Runs the command, and looks at what is installed then. True: the machine should start anew.
  /// Errors: invalid  it failed, or something else is installed afterwards; busy (reason kNotNow)  it says: not now;
  /// denied  it cannot be run here; cancelled.
  Result<bool> install(const ForeignRelease& release, const std::stop_token& stop);

 private:
  Files& files_;
  ReleaseRunner& runner_;
};

}  // namespace upswarm::installer
