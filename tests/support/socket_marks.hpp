// What packets of this process's own sockets are marked with.
#pragma once

#include <cstdint>
#include <vector>

namespace upswarm::tests {

/// The byte that holds the DSCP (traffic_mark.hpp) of each IPv4 TCP socket of this process whose other end is at this
/// port.
std::vector<int> marks_towards(std::uint16_t port);

}  // namespace upswarm::tests
