#include "protocol/base/units.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace upswarm {
namespace {

struct NumberAndUnit {
  std::uint64_t number;
  std::string_view unit;
};

Result<NumberAndUnit> split(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return Error{ErrorKind::invalid, std::string(what) + " \"" + std::string(text) + "\"",
                 "a whole number is wanted first"};
  }
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  return NumberAndUnit{number, unit};
}

}  // namespace

std::string to_string(Bytes bytes) {
  static constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes.count);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  const int decimals = unit == 0 || value >= 99.95 ? 0 : (value >= 9.995 ? 1 : 2);
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, kUnits.at(unit));
  return text.data();
}

Result<Bytes> parse_bytes(std::string_view text) {
  UPSWARM_TRY(const auto parts, split(text, "size"));
  unsigned shift = 0;
  if (parts.unit.empty() || parts.unit == "B") shift = 0;
  else if (parts.unit == "KiB") shift = 10;
  else if (parts.unit == "MiB") shift = 20;
  else if (parts.unit == "GiB") shift = 30;
  else if (parts.unit == "TiB") shift = 40;
  else
    return Error{ErrorKind::invalid, "size \"" + std::string(text) + "\"", "the unit must be B, KiB, MiB, GiB or TiB"};
  if (parts.number > (std::uint64_t{1} << 63U) >> shift) {
    return Error{ErrorKind::invalid, "size \"" + std::string(text) + "\"", "too large"};
  }
  return Bytes{parts.number << shift};
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  using namespace std::chrono;
  UPSWARM_TRY(const auto parts, split(text, "duration"));
  std::uint64_t factor = 0;
  if (parts.unit == "ms") factor = 1;
  else if (parts.unit == "s") factor = 1000;
  else if (parts.unit == "m") factor = 60'000;
  else if (parts.unit == "h") factor = 3'600'000;
  else if (parts.unit == "d") factor = 86'400'000;
  else return Error{ErrorKind::invalid, "duration \"" + std::string(text) + "\"", "the unit must be ms, s, m, h or d"};
  constexpr std::uint64_t kTenYears = 3650ULL * 86'400'000ULL;
  if (parts.number > kTenYears / factor) {
    return Error{ErrorKind::invalid, "duration \"" + std::string(text) + "\"", "more than ten years"};
  }
  return milliseconds(static_cast<milliseconds::rep>(parts.number * factor));
}

std::string to_string(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  std::array<char, 48> text{};
  if (ms < 10'000) std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(ms) / 1000);
  else if (ms < 120'000) std::snprintf(text.data(), text.size(), "%lld s", static_cast<long long>(ms / 1000));
  else if (ms < 7'200'000) std::snprintf(text.data(), text.size(), "%lld min", static_cast<long long>(ms / 60'000));
  else if (ms < 172'800'000) {
    std::snprintf(text.data(), text.size(), "%lld h %lld min", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%lld days", static_cast<long long>(ms / 86'400'000));
  }
  return text.data();
}

}  // namespace upswarm
