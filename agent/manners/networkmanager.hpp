// What NetworkManager knows of the machine's line.
#pragma once

#include <chrono>
#include <string>

#include "agent/manners/link.hpp"

namespace upswarm::agent {

/// Asks for the property Metered of org.freedesktop.NetworkManager (NMMetered in its D-Bus API): metered 1, or by a
/// guess 3; not metered 2, or by a guess 4; 0: it does not know, and `by` is empty.
///
/// Returns within `limit`, whatever bus and service do. Has a connection of its own for each call; starts no service.
/// `bus`: a D-Bus address; empty: the system bus, or what DBUS_SYSTEM_BUS_ADDRESS says. Any thread.
/// Errors: unreachable  no bus, no NetworkManager, or no answer in time; corrupt  an answer of another form.
Result<LinkWord> ask_network_manager(const std::string& bus = {},
                                     std::chrono::milliseconds limit = std::chrono::seconds(1));

}  // namespace upswarm::agent
