// The BitTorrent tracker (BEP 3, compact answers of BEP 23 and BEP 7): who else has this torrent.
//
// A peer's address is the one its connection came from; a claimed one is ignored. Peers live in memory: after a restart
// of the seeder they announce again within one interval.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "protocol/base/clock.hpp"
#include "protocol/base/result.hpp"

namespace upswarm::seeder {

using IpAddress = boost::asio::ip::address;

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
};

/// `query` is what follows the question mark. Unknown keys (ip, key, trackerid, ...) are ignored; a known key twice is
/// not. Errors: invalid.
Result<Announce> parse_announce(std::string_view query);

/// The bencoded answer that tells a client why it gets none.
std::string announce_failure(std::string_view reason);

struct TrackerSettings {
  std::chrono::seconds interval{30};
  std::uint16_t seeder_port = 0;                 ///< where the seeder itself listens for BitTorrent; 0: nowhere
  std::optional<IpAddress> seeder_address = {};  ///< nothing: the address that the announce reached
};

/// Where a peer listens.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  bool operator==(const Endpoint& other) const { return address == other.address && port == other.port; }
  bool operator<(const Endpoint& other) const {
    return address == other.address ? port < other.port : address < other.address;
  }
};

/// A peer of an answer, with its peer id.
using ListedPeer = std::pair<Endpoint, std::string>;

/// Safe from any thread.
class Tracker {
 public:
  Tracker(TrackerSettings settings, const Clock& clock);

  /// Torrents (info-hashes of 20 raw bytes) that are tracked from now on; peers of others are forgotten.
  void track_only(std::set<std::string> info_hashes);

  /// Notes the peer and gives the bencoded answer. `remote` is where the announce came from, `local` where it arrived.
  /// Leechers hear of the seeder and of everybody, seeds of leechers only. Of our own is "upswarm origin": the compact
  /// address (6 or 18 bytes) of the seeder, so that an agent can tell its bytes from those of neighbours.
  std::string answer(const Announce& announce, const IpAddress& remote, const IpAddress& local);

  /// Of each torrent, how many peers got it whole since the last call.
  std::map<std::string, std::int64_t> take_completed();

  struct Count {
    std::size_t torrents = 0;
    std::size_t peers = 0;
    std::size_t seeds = 0;  ///< of the peers
  };
  Count count();

 private:
  struct Peer {
    std::string id;
    bool is_seed = false;
    Time seen;
  };
  using Swarm = std::map<Endpoint, Peer>;

  /// Whether the peer has just become whole, by its own word: once, however often it says so.
  static bool is_completion(const Swarm& swarm, const Announce& announce, const Endpoint& self);
  void forget_silent(Swarm& swarm, Time now) const;
  std::vector<ListedPeer> choose(const Swarm& swarm, const Announce& announce, const Endpoint& self);

  const TrackerSettings settings_;
  const Clock& clock_;
  std::mutex turn_;
  std::map<std::string, Swarm> swarms_;
  std::map<std::string, std::int64_t> completed_;
  std::mt19937 random_;
};

}  // namespace upswarm::seeder
