#include "protocol/base/clock.hpp"

#include <array>
#include <cstdio>

namespace upswarm {
namespace {

class SystemClock final : public Clock {
 public:
  Time now() const override {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  }
};

/// The number made of the digits text[first, first + count), or -1.
int number_at(std::string_view text, std::size_t first, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(first, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string to_string(Time time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

Result<Time> parse_time(std::string_view text) {
  using namespace std::chrono;
  const Error bad{ErrorKind::corrupt, "time \"" + std::string(text.substr(0, 40)) + "\"",
                  "the form is YYYY-MM-DDTHH:MM:SSZ"};
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != 'Z') {
    return bad;
  }
  const int y = number_at(text, 0, 4);
  const int mo = number_at(text, 5, 2);
  const int d = number_at(text, 8, 2);
  const int h = number_at(text, 11, 2);
  const int mi = number_at(text, 14, 2);
  const int s = number_at(text, 17, 2);
  if (y < 0 || mo < 0 || d < 0 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59) return bad;
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return bad;
  return sys_days{date} + hours{h} + minutes{mi} + seconds{s};
}

}  // namespace upswarm
