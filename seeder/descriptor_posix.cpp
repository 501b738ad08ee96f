#include "seeder/descriptor.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

namespace upswarm::seeder {

Result<int> duplicate_descriptor(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) return copy;
  return Error{ErrorKind::unreachable, "duplicate a descriptor", std::generic_category().message(errno)};
}

}  // namespace upswarm::seeder
