// What a client asks of the tracker (BEP 3, BEP 23, BEP 48; for agents protocol/messages/announce.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "seeder/network.hpp"

namespace upswarm::seeder {

/// One announce, as its query string says it.
struct Announce {
  enum class Event { none, started, stopped, completed };
  std::string info_hash;   ///< 20 raw bytes
  std::string peer_id;     ///< 20 raw bytes
  std::uint16_t port = 0;  ///< 0: cannot be connected to
  std::int64_t uploaded = 0;
  std::int64_t downloaded = 0;
  std::int64_t left = 0;
  Event event = Event::none;
  std::size_t wanted = 50;
  bool compact = true;

  bool is_agent = false;                    ///< it knows leases
  bool may_lead = true;                     ///< of clients that are no agents, too
  std::optional<InterfaceAddress> network;  ///< of agents

  /// Lacks something, and wants others who have it.
  bool wants() const { return left > 0 && wanted > 0 && event != Event::stopped; }
};

/// `query` is what follows the question mark. Unknown keys (ip, key, trackerid, ...) are ignored, as are the keys of
/// agents where the sender is none; a known key twice is not. Errors: invalid.
Result<Announce> parse_announce(std::string_view query);

/// A question for who has which torrents.
struct Scrape {
  std::vector<std::string> info_hashes;     ///< 20 raw bytes each; 1 to messages::kMostScraped
  bool is_agent = false;                    ///< it is told of its site alone
  std::optional<InterfaceAddress> network;  ///< of agents
};

/// As parse_announce, but that `info_hash` may be there more than once.
Result<Scrape> parse_scrape(std::string_view query);

}  // namespace upswarm::seeder
