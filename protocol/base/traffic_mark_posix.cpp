#include <netinet/in.h>
#include <sys/socket.h>

#include "protocol/base/traffic_mark.hpp"

namespace upswarm {

void mark_traffic(std::intptr_t socket, bool is_background) {
  const int mark = is_background ? kLowerEffort : kDefaultEffort;
  (void)::setsockopt(static_cast<int>(socket), IPPROTO_IP, IP_TOS, &mark, sizeof mark);
  (void)::setsockopt(static_cast<int>(socket), IPPROTO_IPV6, IPV6_TCLASS, &mark, sizeof mark);
}

}  // namespace upswarm
