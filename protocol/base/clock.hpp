// Time, asked through a seam so that tests turn it by hand.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace upswarm {

/// Seconds since 1970 in UTC.
using Time = std::chrono::sys_seconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

/// The machine's own clock. Safe from any thread.
const Clock& system_clock();

/// "2026-11-21T04:20:00Z", the form of TUF's `expires`.
std::string to_string(Time time);

/// Reads exactly that form.   Errors: corrupt.
Result<Time> parse_time(std::string_view text);

}  // namespace upswarm
