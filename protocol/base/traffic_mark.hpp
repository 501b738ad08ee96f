// The mark of traffic that gives way to all other: DSCP "Lower Effort" (RFC 8622).
#pragma once

#include <cstdint>

namespace upswarm {

/// As the byte of the IP header that holds it (TOS, traffic class): codepoint 000001, and two bits that are ECN's.
inline constexpr int kLowerEffort = 0x04;
inline constexpr int kDefaultEffort = 0x00;

/// What the socket sends from now on, also what it was given before and has not sent yet, carries kLowerEffort, or
/// kDefaultEffort. A request to the network and no more: where the system does not let us, all goes on unmarked.
///   posix  IP_TOS and IPV6_TCLASS: an IPv6 socket may speak IPv4.
///   win32  does nothing. Windows marks by its administrator's QoS policy (docs/operations.md).
void mark_traffic(std::intptr_t socket, bool is_background);

}  // namespace upswarm
