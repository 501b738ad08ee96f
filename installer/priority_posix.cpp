#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "installer/priority.hpp"

namespace upswarm::installer {
namespace {

constexpr int kLowest = 19;
// linux/ioprio.h, which not every system has: IOPRIO_WHO_PROCESS, and IOPRIO_CLASS_IDLE in the upper bits.
constexpr int kOneThread = 1;
constexpr int kIdle = 3 << 13;

}  // namespace

void yield_to_all_others() {
  // Linux has both for each thread, and 0 is the one that calls. What fails costs others some time, and nothing else.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kLowest));
  static_cast<void>(::syscall(SYS_ioprio_set, kOneThread, 0, kIdle));
}

}  // namespace upswarm::installer
