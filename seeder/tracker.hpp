// The tracker (BEP 3, BEP 48): who else of the site has this torrent, and who of the site fetches it from the origin
// (docs/decisions/0012-sites-and-leaders.md).
//
// A peer's address is the one its connection came from, or, behind an address translation, its private one; a claimed
// one is ignored. Peers live in memory: after a restart of the seeder they announce again within one interval.
//
// Agents get a lease where they are to lead, and the origin's address with it. A client that is none gets the origin
// as a peer while it leads, or always where the origin is open. Peers of other sites are told to the leader alone, and
// only of sites that help.
//
// Who lacks something comes every 2 seconds, or less often where many do: kMostOfASite and kMostOfAll announces a
// second. At most kMostPeers peers of a torrent are remembered, of one address kMostOfAnAddress; where many machines
// may be behind it (its machines announce private addresses, or it is a /64 of IPv6) kMostBehindAnAddress. Whoever
// comes beyond that is answered, but not told to others, and does not lead.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "seeder/site_swarm.hpp"

namespace upswarm::seeder {

struct TrackerSettings {
  std::chrono::seconds interval{30};             ///< of who lacks nothing, and of strangers
  std::uint16_t seeder_port = 0;                 ///< where the seeder itself listens for BitTorrent; 0: nowhere
  std::optional<IpAddress> seeder_address = {};  ///< nothing: the address that the announce reached
  bool open_origin = false;
};

/// Safe from any thread.
class Tracker {
 public:
  static constexpr std::chrono::seconds kQuick{2};
  static constexpr std::chrono::seconds kLease{15};
  static constexpr std::size_t kMostOfASite = 250;
  static constexpr std::size_t kMostOfAll = 2000;
  static constexpr std::size_t kMostPeers = 100'000;
  static constexpr std::size_t kMostPeersInAll = 1'000'000;
  static constexpr std::size_t kMostSwarms = 20'000;  ///< sites of one torrent
  static constexpr std::size_t kMostOfAnAddress = 64;
  static constexpr std::size_t kMostBehindAnAddress = 8192;
  static constexpr std::size_t kMostOfHelpers = 10;

  /// All must outlive it.
  Tracker(TrackerSettings settings, const SiteMap& sites, Leases& leases, const Clock& clock);

  /// Torrents (info-hashes of 20 raw bytes, with their piece lengths) that are tracked from now on; peers of others are
  /// forgotten.
  void track_only(const std::map<std::string, Bytes>& torrents);

  /// Notes the peer and gives the bencoded answer. `remote` is where the announce came from, `local` where it arrived.
  std::string answer(const Announce& announce, const IpAddress& remote, const IpAddress& local);

  /// The bencoded answer to who asks who is there; notes nothing.
  std::string answer(const Scrape& scrape, const IpAddress& remote);

  /// Of each torrent, how many peers got it whole since the last call.
  std::map<std::string, std::int64_t> take_completed();

  struct Count {
    std::size_t torrents = 0;
    std::size_t peers = 0;
    std::size_t seeds = 0;    ///< of the peers
    std::size_t leaders = 0;  ///< of the peers
  };
  Count count();

 private:
  struct Torrent {
    Bytes piece_length;
    std::map<std::string, SiteSwarm, std::less<>> sites;
    std::map<IpAddress, std::size_t> crowds;  ///< peers by address, of IPv6 by /64
    std::size_t peers = 0;
    std::size_t seeds = 0;
  };
  /// One announce on its way.
  struct Visit {
    const Announce& announce;
    Place place;
    PeerKey key;
    Time now;
    Torrent& torrent;
    SiteSwarm& site;
  };

  std::chrono::seconds quick_interval(const SiteSwarm& site) const;
  std::chrono::seconds interval_of(const SiteSwarm& site, const Announce& announce, bool leads) const;
  bool has_room(const Visit& visit) const;
  SiteSwarm::Peer* remember(const Visit& visit);
  void remove(Torrent& torrent, SiteSwarm& site, const PeerKey& key, Leadership::Loss loss, Time now);
  void forget_silent(Torrent& torrent, SiteSwarm& site, Time now);
  void forget_silent(Time now);
  void lead(const Visit& visit, SiteSwarm::Peer& peer);
  void end_lease(SiteSwarm& site, Leadership::Loss loss, Time now);
  void begin_lease(const Visit& visit, SiteSwarm::Peer& peer, const Leadership::Site& site);
  AnnounceAnswer describe(const Visit& visit, SiteSwarm::Peer* peer, const Endpoint& origin);

  const TrackerSettings settings_;
  const SiteMap& sites_;
  Leases& leases_;
  const Clock& clock_;
  std::mutex turn_;
  std::map<std::string, Torrent, std::less<>> torrents_;
  std::map<std::string, std::int64_t> completed_;
  std::size_t peers_ = 0;
  std::size_t wanting_ = 0;
  Leadership::MemberId last_id_ = 0;
  Time next_look_{};
  std::mt19937 random_;
};

}  // namespace upswarm::seeder
