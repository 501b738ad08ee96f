#include <windows.h>

#include "protocol/base/cpu_time.hpp"

namespace upswarm {
namespace {

/// FILETIME counts in 100 ns.
CpuTime sum(const FILETIME& kernel, const FILETIME& user) {
  const auto ticks = [](const FILETIME& time) { return std::int64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime; };
  return CpuTime((ticks(kernel) + ticks(user)) / 10);
}

}  // namespace

CpuTime thread_cpu_time() {
  FILETIME made{};
  FILETIME ended{};
  FILETIME kernel{};
  FILETIME user{};
  if (GetThreadTimes(GetCurrentThread(), &made, &ended, &kernel, &user) == 0) return {};
  return sum(kernel, user);
}

CpuTime process_cpu_time() {
  FILETIME made{};
  FILETIME ended{};
  FILETIME kernel{};
  FILETIME user{};
  if (GetProcessTimes(GetCurrentProcess(), &made, &ended, &kernel, &user) == 0) return {};
  return sum(kernel, user);
}

}  // namespace upswarm
