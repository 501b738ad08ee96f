#include <ctime>

#include "protocol/base/cpu_time.hpp"

namespace upswarm {
namespace {

CpuTime read_clock(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return {};
  return std::chrono::duration_cast<CpuTime>(std::chrono::seconds(time.tv_sec) +
                                             std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

CpuTime thread_cpu_time() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
CpuTime process_cpu_time() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace upswarm
