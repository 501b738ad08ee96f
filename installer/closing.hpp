// Programs of a release that is left: leaving, asking or ending them, as the administrator wants it.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "installer/running_programs.hpp"

namespace upswarm::installer {

/// installer.toml, of a product: what becomes of its programs that run, services apart, before a switch.
enum class Running {
  leave,  ///< nothing: they go on with the old files
  ask,    ///< they are asked to end
  end,    ///< they are asked, and those that do not are ended
};

struct Closing {
  Running running = Running::leave;
  std::chrono::milliseconds wait{std::chrono::seconds(30)};  ///< for those that were asked
};

inline constexpr std::chrono::milliseconds kLongestCloseWait{std::chrono::minutes(10)};
inline constexpr std::chrono::milliseconds kEndWait{std::chrono::seconds(5)};  ///< for those that were ended
inline constexpr int kMostEndings = 4;  ///< looks for what was started meanwhile, or found no place before

/// Asks all programs of `release` that run, once, waits, and ends them if that is wanted. Whom it signals is logged.
/// May be repeated after any interruption: it looks anew at who is there.
/// Errors: busy  some still run: the first few are named; denied  who runs cannot be told; cancelled.
Result<void> close_programs(ProcessTable& processes, const ReleasePlace& release, const Closing& closing,
                            const std::string& spared, const std::stop_token& stop);

}  // namespace upswarm::installer
