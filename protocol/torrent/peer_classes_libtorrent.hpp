// What agent and seeder ask of libtorrent alike; for *_libtorrent.cpp files only.
#pragma once

#include <libtorrent/ip_filter.hpp>

namespace upswarm {

/// The peer-class filter of a session: every address is in the global class, so that every peer obeys the rate limits
/// and the unchoke slots. libtorrent's own filter exempts all of RFC 1918 as local, and branch offices are RFC 1918,
/// too; an empty filter exempts everybody. Set it before the first connection.
lt::ip_filter global_class_for_all();

}  // namespace upswarm
