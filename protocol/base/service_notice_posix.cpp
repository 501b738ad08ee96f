#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <system_error>

#include "protocol/base/service_notice.hpp"

namespace upswarm {

Result<void> tell_service_manager(std::string_view words) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || *name == '\0') return {};
  const std::string path = name;
  const auto doing = "tell the service manager at " + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ErrorKind::denied, doing, "the name is too long"};
  std::ranges::copy(path, address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int talk = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (talk < 0) return Error{ErrorKind::denied, doing, std::generic_category().message(errno)};
  const auto sent = ::sendto(talk, words.data(), words.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length);  // NOLINT: sendto's type
  const int error = errno;
  ::close(talk);
  if (sent == static_cast<ssize_t>(words.size())) return {};
  return Error{ErrorKind::denied, doing, std::generic_category().message(error)};
}

}  // namespace upswarm
