// What the tracker answers (BEP 3, compact forms of BEP 23 and BEP 7; for agents protocol/messages/announce.hpp).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seeder/network.hpp"

namespace upswarm::seeder {

/// Where a peer listens.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

/// A peer of an answer, with its peer id.
using ListedPeer = std::pair<Endpoint, std::string>;

struct AnnounceAnswer {
  std::size_t complete = 0;
  std::size_t incomplete = 0;
  std::chrono::seconds interval{0};
  std::vector<ListedPeer> peers = {};
  bool compact = true;

  struct ForAgents {
    std::string site;
    std::vector<Network> ranges;
    std::size_t seeds = 0;
    std::string lease;  ///< empty: none; then what follows is not said
    std::chrono::seconds lease_time{0};
    std::optional<Endpoint> origin;  ///< nothing: the origin speaks no BitTorrent
    std::vector<Network> other_ranges;
  };
  std::optional<ForAgents> for_agents = {};
};

/// Bencoded.
std::string to_text(const AnnounceAnswer& answer);

/// Who is in the swarm of one torrent.
struct ScrapeCount {
  std::size_t complete = 0;
  std::size_t incomplete = 0;
};

/// The bencoded answer to a scrape (BEP 48), by info-hash of 20 raw bytes. How often each was downloaded is not counted
/// here, and not said.
std::string to_text(const std::map<std::string, ScrapeCount>& counts);

/// The bencoded answer that tells a client why it gets none.
std::string announce_failure(std::string_view reason);

}  // namespace upswarm::seeder
