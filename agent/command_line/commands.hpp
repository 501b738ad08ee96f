// What `upswarm` does for each of its words.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <stop_token>
#include <string>

#include "protocol/base/clock.hpp"
#include "protocol/base/json.hpp"
#include "protocol/base/program.hpp"

namespace upswarm::command_line {

/// Asks the other side of a socket one question.
using Ask = std::function<Result<Json>(const Json& question)>;

/// Where questions go and answers are shown. All must outlive a command.
struct Desk {
  Ask agent;
  Ask installer;
  Ask reader;  ///< the installer, of what takes it minutes; may be called on another thread
  std::ostream& out;
  const Clock& clock;
  bool json = false;
  bool is_terminal = false;  ///< `out` is one: live views redraw in place
  std::function<void(std::chrono::milliseconds, const std::stop_token&)> pause;
  std::stop_token stop;
};

// Each shows its answer, as text or as one JSON document a line, and returns the exit code.
// Errors: what the asked program answers; unreachable  it does not run.

/// `watch`: again and again until a stop; on a terminal in place.
Result<ExitCode> show_status(Desk& desk, bool watch);
Result<ExitCode> check(Desk& desk);
/// `wait`: until the cycle has ended. nothing_to_do when nothing was installed; failed when it was rolled back.
/// `product`: only what waits of that one, also a major version that waits for it. Empty: of all.
Result<ExitCode> update(Desk& desk, const std::string& product, bool wait);
/// How each product came to what it runs, or is about to, and why not otherwise. `product` empty: of all.
Result<ExitCode> why(Desk& desk, const std::string& product);
Result<ExitCode> defer(Desk& desk, const std::string& product, const std::string& duration);
Result<ExitCode> skip(Desk& desk, const std::string& product, const std::string& version);
Result<ExitCode> show_history(Desk& desk, std::int64_t limit);
Result<ExitCode> show_steps(Desk& desk, std::int64_t limit);
/// `version` may be empty: the release before.
Result<ExitCode> roll_back(Desk& desk, const std::string& product, const std::string& version);
Result<ExitCode> clear_bad(Desk& desk, const std::string& product);
/// Compares every byte of what is installed with what was signed. `product` empty: of all. `damaged` where something
/// is; nothing_to_do where nothing is installed.
Result<ExitCode> verify(Desk& desk, const std::string& product);
/// The same, and has what is damaged repaired, and waits for it. `failed` where that failed.
Result<ExitCode> repair(Desk& desk, const std::string& product);
Result<ExitCode> confirm(Desk& desk, const std::string& product, const std::string& token);

}  // namespace upswarm::command_line
