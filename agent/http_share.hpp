// What BitTorrent leaves to HTTP of the limits that hold for both.
#pragma once

#include <vector>

#include "agent/torrent_session.hpp"

namespace upswarm::agent {

/// Bytes a second of downloads by HTTP; 0: no limit. The lower one of what is left of `all` and of `origin`, each at
/// least an eighth of its limit. `peers` are those of what is being fetched. Pure.
std::uint64_t http_share(const RatesByTraffic& rates, const std::vector<PeerUse>& peers);

}  // namespace upswarm::agent
