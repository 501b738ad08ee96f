#include <time.h>  // NOLINT(modernize-deprecated-headers): localtime_r and tm_gmtoff are POSIX's

#include "agent/manners/time_zone.hpp"

namespace upswarm::agent {

std::chrono::minutes local_offset(Time time) {
  const auto seconds = static_cast<time_t>(time.time_since_epoch().count());
  struct tm there {};
  ::tzset();  // an administrator may have moved the machine
  if (::localtime_r(&seconds, &there) == nullptr) return std::chrono::minutes(0);
  return std::chrono::floor<std::chrono::minutes>(std::chrono::seconds(there.tm_gmtoff));
}

}  // namespace upswarm::agent
