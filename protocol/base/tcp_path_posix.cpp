#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <cstddef>

#include "protocol/base/tcp_path.hpp"

namespace upswarm {
namespace {

constexpr std::uint32_t kOldMilliseconds = 200;

}  // namespace

std::optional<PathState> look_at_path(std::intptr_t socket) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(static_cast<int>(socket), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  // Kernels before 4.6 say less.
  if (length < offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt || info.tcpi_rtt == 0) return std::nullopt;
  // Without time stamps the second is not known, or as good as the first.
  const bool knows_both = info.tcpi_rcv_rtt != 0;
  // Who has sent nothing for a while, as under a long answer, has a round trip of then. While requests go on, those
  // that the sender has nothing to answer with, since the window is full, are acknowledged up to 40 ms late; what it
  // sends when the window opens is not.
  const bool is_old = info.tcpi_last_data_sent > kOldMilliseconds;
  const auto round_trip = !knows_both ? info.tcpi_rtt
                          : is_old    ? info.tcpi_rcv_rtt
                                      : std::min(info.tcpi_rtt, info.tcpi_rcv_rtt);
  return PathState{std::chrono::microseconds(round_trip), std::chrono::microseconds(info.tcpi_min_rtt),
                   Bytes{info.tcpi_bytes_received}};
}

void limit_window(std::intptr_t socket, Bytes window) {
  const auto clamp = static_cast<int>(std::min<std::uint64_t>(window.count, INT_MAX));
  (void)::setsockopt(static_cast<int>(socket), IPPROTO_TCP, TCP_WINDOW_CLAMP, &clamp, sizeof clamp);
}

}  // namespace upswarm
