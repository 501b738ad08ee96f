// How fast a machine may be, by peers, hour and day.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/manners/time_zone.hpp"

namespace upswarm::agent {

/// Whose bytes: of one kind of peers, or all together.
enum class Traffic { all, site, other, origin };
inline constexpr std::size_t kTraffics = 4;

std::string_view name_of(Traffic traffic);
/// Errors: invalid.
Result<Traffic> parse_traffic(std::string_view text);

/// Bytes a second; 0: no limit.
struct Rates {
  std::uint64_t upload = 0;
  std::uint64_t download = 0;
  bool operator==(const Rates&) const = default;
};

/// By Traffic. Each limit holds by itself: bytes of neighbours count for `site` and for `all`.
using RatesByTraffic = std::array<Rates, kTraffics>;
inline Rates& of(RatesByTraffic& rates, Traffic traffic) { return rates.at(static_cast<std::size_t>(traffic)); }
inline const Rates& of(const RatesByTraffic& rates, Traffic traffic) {
  return rates.at(static_cast<std::size_t>(traffic));
}

/// Hours of some days. One that ends before it begins goes over midnight, and belongs to the day that it begins on.
struct WeekSpan {
  std::array<bool, 7> days{true, true, true, true, true, true, true};  ///< Monday first
  unsigned from = 0;                                                   ///< minute of the day
  unsigned to = 24 * 60;                                               ///< the minute after the last one

  bool contains(const WallTime& time) const;
};

/// "mon-fri", "sat,sun", "daily", "fri-mon,wed".   Errors: invalid.
Result<std::array<bool, 7>> parse_days(std::string_view text);
/// "08:00-18:30", "22:00-06:00", "00:00-24:00" into `span`.   Errors: invalid  also a span of no length.
Result<WeekSpan> parse_hours(std::string_view text);

/// While `when` holds, these take the place of the usual rates; nothing: as usual.
struct RateRule {
  WeekSpan when;
  Traffic traffic = Traffic::all;
  std::optional<std::uint64_t> upload;
  std::optional<std::uint64_t> download;
};

struct RateSchedule {
  RatesByTraffic usual{};
  std::vector<RateRule> rules;  ///< the first that says something counts
  TimeZone zone;

  RatesByTraffic at(Time now) const;
};

}  // namespace upswarm::agent
