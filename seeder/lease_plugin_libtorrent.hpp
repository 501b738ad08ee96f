// What BitTorrent asks of who connects to the origin; for *_libtorrent.cpp files only.
#pragma once

#include <libtorrent/extensions.hpp>

#include <memory>
#include <string>

#include "seeder/leases.hpp"

namespace upswarm::seeder {

/// A plug-in for one torrent of the seeder: whoever has no live lease of it gets nothing, and is hung up on.
///
/// An agent shows its token in the extension handshake ({"upswarm": {"lease": TOKEN}}, BEP 10); of others the address
/// must be admitted. Until then no request is heard; after kLeaseWait without either the connection
/// ends, as it does at most a second after the lease. Each lease has one connection: a newer one with the token takes
/// its place; a newer one from an admitted address has to wait. What is sent is counted for the lease, and that the
/// connection broke is told.
///
/// `info_hash` has 20 raw bytes; `leases` must outlive the session. All of it runs on libtorrent's network thread.
std::shared_ptr<lt::torrent_plugin> make_lease_plugin(std::string info_hash, Leases& leases);

}  // namespace upswarm::seeder
