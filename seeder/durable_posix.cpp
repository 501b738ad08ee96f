#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "seeder/durable.hpp"

namespace upswarm::seeder {

Result<void> sync_file(const Path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  const bool done = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int code = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (done) return {};
  return Error{ErrorKind::disk, "sync " + path.string(), std::generic_category().message(code)};
}

std::int64_t process_id() { return ::getpid(); }

}  // namespace upswarm::seeder
