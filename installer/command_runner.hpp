// The one way in which programs of a release are run: hooks and health checks.
#pragma once

#include <memory>

#include "protocol/base/files.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {

/// Runs one program of a release, as its account, and outside the sandbox of the installer where the system can do
/// that. Not for use by two threads at once.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  /// As run_process (protocol/base/process.hpp). Also: denied  the system has no way to start it now; it says nothing
  /// of the program.
  virtual Result<ProcessOutcome> run(const ProcessSpec& spec, std::stop_token stop) = 0;
};

/// Children of this program: run_process. They are in its sandbox, and die with it.
std::unique_ptr<CommandRunner> make_fork_runner();

/// Transient units (unit_runner.hpp) where systemd is in charge and `systemd-run` is beside `systemctl`, else children.
std::unique_ptr<CommandRunner> make_command_runner(const Path& systemctl);

}  // namespace upswarm::installer
