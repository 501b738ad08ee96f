// Who listens on a port of this machine, and what he answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::installer {

inline constexpr Bytes kLongestHttpAnswer = 8_KiB;
inline constexpr Bytes kLongestSocketTable = 32_MiB;

/// A listening socket that connections to 127.0.0.1 or ::1 may reach.
struct Listener {
  std::uint32_t user = 0;   ///< whose it is
  std::uint64_t inode = 0;  ///< names the socket
  bool on_ipv4 = false;
  bool on_ipv6 = false;
  bool operator==(const Listener&) const = default;
};

/// Reads /proc/net/tcp and /proc/net/tcp6 (Linux, proc(5)).   Errors: corrupt  a line has another form.
Result<std::vector<Listener>> listeners_on(std::uint16_t port, std::string_view tcp, std::string_view tcp6);

/// The status of an answer's first line, "HTTP/1.1 200 OK".   Errors: corrupt  it is none of HTTP/1.
Result<int> parse_status_line(std::string_view answer);

/// Sends `request` to the port on ::1 or 127.0.0.1 and reads until a line is whole, the other side closes, or there are
/// kLongestHttpAnswer bytes.   Errors: unreachable  nobody takes the connection, or no line within `limit`; cancelled.
Result<std::string> ask_loopback(bool by_ipv6, std::uint16_t port, std::string_view request,
                                 std::chrono::milliseconds limit, const std::stop_token& stop);

}  // namespace upswarm::installer
