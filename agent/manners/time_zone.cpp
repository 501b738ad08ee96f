#include "agent/manners/time_zone.hpp"

#include <cstdlib>

namespace upswarm::agent {
namespace {

using std::chrono::minutes;

constexpr auto kFurthest = std::chrono::hours(14);

bool is_digit(char c) { return c >= '0' && c <= '9'; }
int two_digits(std::string_view text) { return (text[0] - '0') * 10 + (text[1] - '0'); }

}  // namespace

Result<TimeZone> TimeZone::parse(std::string_view text) {
  TimeZone zone;
  if (text == "local") return zone;
  zone.is_local_ = false;
  if (text == "UTC") return zone;
  const Error wrong{ErrorKind::invalid, "time zone \"" + std::string(text) + "\"",
                    "\"local\", \"UTC\" or a distance from UTC such as \"+05:30\" is wanted"};
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return wrong;
  for (const auto at : {1U, 2U, 4U, 5U}) {
    if (!is_digit(text[at])) return wrong;
  }
  const auto distance = minutes(two_digits(text.substr(1)) * 60 + two_digits(text.substr(4)));
  if (distance > kFurthest || two_digits(text.substr(4)) > 59) return wrong;
  zone.offset_ = text[0] == '-' ? -distance : distance;
  return zone;
}

WallTime TimeZone::wall_time(Time time) const {
  const auto there = time + (is_local_ ? local_offset(time) : offset_);
  const auto day = std::chrono::floor<std::chrono::days>(there);
  const auto minute = std::chrono::floor<minutes>(there - day);
  return {std::chrono::weekday(day).iso_encoding() - 1, static_cast<unsigned>(minute.count())};
}

std::string TimeZone::text() const {
  if (is_local_) return "local";
  if (offset_ == minutes(0)) return "UTC";
  const auto distance = std::abs(offset_.count());
  const auto two = [](long number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return (offset_.count() < 0 ? "-" : "+") + two(distance / 60) + ":" + two(distance % 60);
}

}  // namespace upswarm::agent
