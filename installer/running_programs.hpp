// Processes that run programs of one release: finding them, and asking them to end.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

inline constexpr std::size_t kMostRunning = 256;  ///< held at a time: each takes a descriptor

/// Where the programs of a release lie, absolute.
struct ReleasePlace {
  Path folder;  ///< of its whole tree, beside those of the other releases
  Path place;   ///< where it is run from: the same, or a ROOT that shows it
};

/// One process, and nobody who gets its number after it.
class RunningProgram {
 public:
  enum class How { ask, end };
  virtual ~RunningProgram() = default;
  /// "bin/app (process 12, account 1000)", for people.
  virtual std::string name() const = 0;
  /// ask: SIGTERM; end: SIGKILL. One that has ended already is fine.   Errors: denied.
  virtual Result<void> signal(How how) = 0;
  virtual bool has_ended() = 0;
};
using RunningPrograms = std::vector<std::unique_ptr<RunningProgram>>;

/// The processes of the machine. Not for use by two threads at once.
class ProcessTable {
 public:
  virtual ~ProcessTable() = default;
  /// Those whose program is a file of the release, by whichever of its two names, or one in its folder that was
  /// replaced since; at most kMostRunning. Scripts run their interpreter, which is none. Never this process, the first
  /// one, or one of the account `spared`. What cannot be looked into counts as something else.
  /// Errors: denied  the system does not tell, or has no way to hold a process.
  virtual Result<RunningPrograms> look(const ReleasePlace& release, const std::string& spared) = 0;
  /// Until all have ended, or `most` is over, or a stop is asked for.
  virtual void await(const RunningPrograms& programs, std::chrono::milliseconds most, const std::stop_token& stop) = 0;
};

/// Linux 5.3 or later: pidfd_open(2). On Windows not supported yet: look() is `denied`.
std::unique_ptr<ProcessTable> make_process_table();

}  // namespace upswarm::installer
