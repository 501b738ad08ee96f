// Running other programs: with a time limit, captured output, and as a declared account.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm {

inline constexpr Bytes kLongestOutput = 64_KiB;

struct ProcessSpec {
  std::vector<std::string> argv;                   ///< argv[0] is a path; no shell, no search
  std::filesystem::path folder;                    ///< working folder
  std::map<std::string, std::string> environment;  ///< all of it: nothing is inherited
  std::string account;                             ///< empty: the caller's own
  std::chrono::milliseconds time_limit{std::chrono::seconds(60)};
  /// How long its process group has, when the time is over or the caller stops, from SIGTERM until it is killed; 0: it
  /// is killed at once.
  std::chrono::milliseconds grace{0};
  std::function<void()> ask = {};  ///< in place of that SIGTERM, once; its time counts as grace
  bool separates_errors = false;   ///< standard error goes to ProcessOutcome::errors
};

struct ProcessOutcome {
  int exit_code = 0;       ///< 128 + signal when a signal ended it
  bool timed_out = false;  ///< then it and its whole process group were ended, by itself within its grace or not
  std::string output;      ///< standard output and error, the last kLongestOutput of it
  std::string errors;      ///< where the spec separates them: standard error alone, as much of it
  bool succeeded() const { return exit_code == 0 && !timed_out; }
};

/// Runs a program to its end, in a session and process group of its own. Groups, descriptors, signals and the file mode
/// mask of the caller are not passed on; another account brings its own groups, and one that is not root neither has
/// nor gets privileges (no capability, also none to be had by set-id files). The program is killed when the calling
/// thread ends, however it does; what the program started itself lives on then. Errors: not_found  there is no such
/// program, folder or account (that has reason no_account); invalid  the file is no program that the account may run
/// here (mode, format, architecture); denied  it cannot be started as asked for another reason, as by a machine that
/// has no process or descriptor to spare; cancelled  (then its process group was ended, by itself within its grace or
/// not, however well).
Result<ProcessOutcome> run_process(const ProcessSpec& spec, std::stop_token stop);

/// When a process began, in ticks since the machine did: with its number it names a process. 0: there is none.
std::uint64_t process_start(std::int64_t process);

/// The user id of an account name or a decimal number.   Errors: not_found.
Result<std::uint32_t> user_id_of(const std::string& account);

}  // namespace upswarm
