#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/support/socket_marks.hpp"

namespace upswarm::tests {

std::vector<int> marks_towards(std::uint16_t port) {
  constexpr int kHighest = 1024;
  std::vector<int> marks;
  for (int descriptor = 0; descriptor < kHighest; ++descriptor) {
    sockaddr_in remote{};
    socklen_t length = sizeof remote;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&remote), &length) != 0) continue;
    if (remote.sin_family != AF_INET || ntohs(remote.sin_port) != port) continue;
    int mark = 0;
    length = sizeof mark;
    if (::getsockopt(descriptor, IPPROTO_IP, IP_TOS, &mark, &length) == 0) marks.push_back(mark);
  }
  return marks;
}

}  // namespace upswarm::tests
