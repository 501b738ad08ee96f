#include <windows.h>

#include "agent/manners/time_zone.hpp"

namespace upswarm::agent {
namespace {

constexpr std::int64_t kTicksASecond = 10'000'000;
constexpr std::int64_t kSecondsTo1970 = 11'644'473'600;  // since 1601

std::int64_t ticks_of(const FILETIME& time) {
  ULARGE_INTEGER value;
  value.LowPart = time.dwLowDateTime;
  value.HighPart = time.dwHighDateTime;
  return static_cast<std::int64_t>(value.QuadPart);
}

}  // namespace

std::chrono::minutes local_offset(Time time) {
  ULARGE_INTEGER value;
  value.QuadPart = static_cast<ULONGLONG>((time.time_since_epoch().count() + kSecondsTo1970) * kTicksASecond);
  const FILETIME utc{value.LowPart, value.HighPart};
  SYSTEMTIME in_utc{};
  SYSTEMTIME there{};
  FILETIME local{};
  if (!::FileTimeToSystemTime(&utc, &in_utc) || !::SystemTimeToTzSpecificLocalTime(nullptr, &in_utc, &there) ||
      !::SystemTimeToFileTime(&there, &local)) {
    return std::chrono::minutes(0);
  }
  const auto seconds = (ticks_of(local) - ticks_of(utc)) / kTicksASecond;
  return std::chrono::round<std::chrono::minutes>(std::chrono::seconds(seconds));
}

}  // namespace upswarm::agent
