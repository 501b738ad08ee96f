// The clock on the wall, for limits by hour and day.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/clock.hpp"

namespace upswarm::agent {

/// A moment of a week as people there call it.
struct WallTime {
  unsigned day = 0;     ///< 0 is Monday
  unsigned minute = 0;  ///< of the day, 0 to 1439
  bool operator==(const WallTime&) const = default;
};

/// The machine's own zone with its summer time, or a fixed distance from UTC.
class TimeZone {
 public:
  /// The machine's own.
  TimeZone() = default;

  /// "local", "UTC", "+05:30", "-08:00".   Errors: invalid  anything else, or further off than 14 hours.
  static Result<TimeZone> parse(std::string_view text);

  WallTime wall_time(Time time) const;
  /// The form that parse() reads.
  std::string text() const;

 private:
  bool is_local_ = true;
  std::chrono::minutes offset_{0};
};

/// How far the machine's own zone is from UTC at `time`, east of it positive. Zero where the system does not know.
std::chrono::minutes local_offset(Time time);

}  // namespace upswarm::agent
