#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "installer/priority.hpp"

namespace upswarm::installer {
namespace {

constexpr int kLowest = 19;
// linux/ioprio.h, which not every system has: IOPRIO_WHO_PROCESS, and IOPRIO_CLASS_IDLE in the upper bits.
constexpr int kOneThread = 1;
constexpr int kIdle = 3 << 13;

Error refused(const char* doing) { return {ErrorKind::denied, doing, std::generic_category().message(errno)}; }

}  // namespace

Result<void> yield_to_all_others() {
  // Linux has both for each thread, and 0 is the one that calls. Both are tried.
  Result<void> done;
  if (::setpriority(PRIO_PROCESS, 0, kLowest) != 0) done = refused("take the lowest priority");
  if (::syscall(SYS_ioprio_set, kOneThread, 0, kIdle) != 0) done = refused("have the disk when nobody else wants it");
  return done;
}

}  // namespace upswarm::installer
