// What all programs share: exit codes, the form of errors and answers, the end by signal.
#pragma once

#include <stop_token>
#include <string>

#include "protocol/base/json.hpp"
#include "protocol/base/result.hpp"

namespace upswarm {

/// 0 done, 1 failed, 2 wrong usage, 3 refused as untrusted, 4 nothing to do.
enum class ExitCode { done = 0, failed = 1, usage = 2, untrusted = 3, nothing_to_do = 4, damaged = 5 };

inline constexpr const char* kExitCodesHelp =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused as untrusted, 4 nothing to do.";

/// Prints an error for people to standard error, or as {"error": {...}} to standard output, and returns its exit code.
int report_error(const Error& error, bool json);

Json to_json(const Error& error);
/// Back from to_json; an `internal` error that says so when `value` is no such thing.
Error read_error(const Json& value);

/// Requested when SIGINT or SIGTERM comes; a SIGINT after that ends the process at once, as a power cut would. Call
/// once, before other threads start. SIGPIPE is ignored from then on.
std::stop_token stop_on_signals();

/// A progress line on a terminal, or nothing where standard error is none: "packing  45 %  12 MiB/s  3 s left".
class ProgressLine {
 public:
  explicit ProgressLine(bool wanted);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const Progress& progress);

 private:
  bool shown_;
  std::string phase_;
  std::chrono::steady_clock::time_point started_{};
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace upswarm
