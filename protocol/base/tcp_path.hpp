// What the system knows of a TCP connection's way, and how much may be on it.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/base/yielding.hpp"

namespace upswarm {

/// Nothing: the system does not say, or no round trip has been measured.
///   posix  TCP_INFO (tcp(7)), Linux's.
///   win32  nothing.
std::optional<PathState> look_at_path(std::intptr_t socket);

/// So many bytes may be on their way, while they are read as they come: the window that is told to the sender, which
/// never takes back what it was told before (RFC 9293, 3.8.6.2.1). Holds until the system makes the socket's buffer
/// larger, so it is to be said again and again. Where the system cannot, nothing happens.
///   posix  TCP_WINDOW_CLAMP (tcp(7)).
///   win32  does nothing.
void limit_window(std::intptr_t socket, Bytes window);

/// A step of a connection that gives way, for each time that bytes came: looks at the path if that is due, and limits
/// the window as `yielding` says, which is this connection's alone. Cheap when it is not due.
void give_way(std::intptr_t socket, Yielding& yielding);

}  // namespace upswarm
