#include "agent/manners/rate_schedule.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

constexpr std::array<std::string_view, kTraffics> kTrafficNames{"all", "site", "other", "origin"};
constexpr std::array<std::string_view, 7> kDayNames{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr unsigned kDay = 24 * 60;

std::optional<std::size_t> day_of(std::string_view name) {
  const auto found = std::ranges::find(kDayNames, name);
  if (found == kDayNames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kDayNames.begin());
}

Error wrong_days(std::string_view text) {
  return {ErrorKind::invalid, "days \"" + std::string(text) + "\"",
          "\"daily\", or days such as \"mon-fri\" or \"sat,sun\" are wanted"};
}

std::optional<unsigned> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const auto at : {0U, 1U, 3U, 4U}) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
  }
  const auto two = [&](std::size_t at) { return static_cast<unsigned>((text[at] - '0') * 10 + (text[at + 1] - '0')); };
  if (two(3) > 59 || two(0) * 60 + two(3) > kDay) return std::nullopt;
  return two(0) * 60 + two(3);
}

}  // namespace

std::string_view name_of(Traffic traffic) { return kTrafficNames.at(static_cast<std::size_t>(traffic)); }

Result<Traffic> parse_traffic(std::string_view text) {
  const auto found = std::ranges::find(kTrafficNames, text);
  if (found != kTrafficNames.end()) return static_cast<Traffic>(found - kTrafficNames.begin());
  return Error{ErrorKind::invalid, "traffic \"" + std::string(text) + "\"",
               "\"all\", \"site\", \"other\" or \"origin\" is wanted"};
}

bool WeekSpan::contains(const WallTime& time) const {
  if (from < to) return days.at(time.day) && time.minute >= from && time.minute < to;
  if (time.minute >= from) return days.at(time.day);
  return time.minute < to && days.at((time.day + 6) % 7);  // it began yesterday
}

Result<std::array<bool, 7>> parse_days(std::string_view text) {
  std::array<bool, 7> days{};
  if (text == "daily") {
    days.fill(true);
    return days;
  }
  for (auto rest = text;;) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    const auto dash = part.find('-');
    const auto first = day_of(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : day_of(part.substr(dash + 1));
    if (!first || !last) return wrong_days(text);
    for (auto day = *first;; day = (day + 1) % 7) {
      days.at(day) = true;
      if (day == *last) break;
    }
    if (comma == std::string_view::npos) return days;
    rest.remove_prefix(comma + 1);
  }
}

Result<WeekSpan> parse_hours(std::string_view text) {
  const auto dash = text.find('-');
  WeekSpan span;
  if (dash != std::string_view::npos) {
    const auto from = minute_of(text.substr(0, dash));
    const auto to = minute_of(text.substr(dash + 1));
    if (from && to && *from < kDay && *from != *to) {
      span.from = *from;
      span.to = *to;
      return span;
    }
  }
  return Error{ErrorKind::invalid, "hours \"" + std::string(text) + "\"",
               "hours such as \"08:00-18:30\" or \"22:00-06:00\" are wanted"};
}

RatesByTraffic RateSchedule::at(Time now) const {
  const auto time = zone.wall_time(now);
  RatesByTraffic rates = usual;
  // From the last to the first, so that the first has the last word.
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (!rule->when.contains(time)) continue;
    auto& its = of(rates, rule->traffic);
    its.upload = rule->upload.value_or(its.upload);
    its.download = rule->download.value_or(its.download);
  }
  return rates;
}

}  // namespace upswarm::agent
