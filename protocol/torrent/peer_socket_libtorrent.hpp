// The socket of a peer, for what libtorrent has no word for; for *_libtorrent.cpp files only.
#pragma once

#include <cstdint>
#include <libtorrent/peer_connection_handle.hpp>
#include <optional>

namespace upswarm {

/// The system's socket of a plain TCP connection. Nothing: it is gone, or goes another way (uTP, a proxy).
/// On libtorrent's network thread alone, and good until that does something else.
std::optional<std::intptr_t> socket_of(const lt::peer_connection_handle& peer);

}  // namespace upswarm
