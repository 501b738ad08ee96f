// Updating the installer itself: docs/decisions/0016-updating-upswarm-itself.md.
#pragma once

#include <chrono>

#include "installer/config.hpp"
#include "installer/product_record.hpp"
#include "installer/trial.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

/// What an Installation needs to know of the product that this program is itself. One thread at a time.
class SelfUpdate {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;
  /// `running`: the folder under versions/ that this program is of. `kept_at`: has it run until then, and is committed,
  /// it is watched no longer. `files` must outlive the object.
  SelfUpdate(Files& files, Path trial_file, std::string running, SteadyTime kept_at = {})
      : files_(files), trial_file_(std::move(trial_file)), running_(std::move(running)), kept_at_(kept_at) {}

  const std::string& running() const { return running_; }

  /// Before `current` names `to`: from now on the launcher counts.
  Result<void> begin(const std::string& from, const std::string& to);
  /// This program was asked to stop, or proved itself: its starts until now count as none.
  void forgive();
  /// Whether the launcher went back to this program from the release that `record` says was committed.
  bool took_back(const ProductRecord& record);
  /// Then: gives `record` a journal with which recovery undoes that commit. Not saved.
  void reopen(ProductRecord& record, Time now) const;
  /// Nothing of this product is under way: a trial goes on where it is of this program, any other one ends.
  Result<void> end_others();
  /// The release that the launcher may go back to; empty: it will not.
  std::string previous();
  /// Ends the trial once this run has lasted for long enough, unless something of this product is `under_way`. When to
  /// ask again; max: there is no need to.
  SteadyTime watch(bool under_way, SteadyTime now);
  /// Whatever came of it. Nothing under way is success.
  Result<void> end();
  /// How often the release on trial was started; 0 where none is, or it cannot be read.
  int starts();

 private:
  Files& files_;
  Path trial_file_;
  std::string running_;
  SteadyTime kept_at_;
};

/// Runs the upswarm-installer of a release with `question` (--self-test, --probe) and the configuration in `file`.
trust::Command ask_installer(const char* question, const Path& file);

/// The folder under `root`/versions/ that this program is of.
/// Errors: denied  it is of none: then it cannot update itself.
Result<std::string> own_release(const Path& root);

/// `--self-test`: whether this program could go on here: it reads all records, trust state and the agent's account, and
/// writes nothing. Another installer may be running.   Errors: of what it cannot read.
Result<void> test_self(Files& files, const InstallerConfig& config);

/// `--probe`: whether the installer that runs now can be talked to: it must answer hello within `limit`, as the machine
/// that the state folder says.   Errors: unreachable; corrupt.
Result<void> probe_installer(Files& files, const InstallerConfig& config, std::chrono::milliseconds limit);

}  // namespace upswarm::installer
