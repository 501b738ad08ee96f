// The peers of one torrent at one site.
#pragma once

#include <array>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "seeder/announce.hpp"
#include "seeder/announce_answer.hpp"
#include "seeder/leadership.hpp"
#include "seeder/sites.hpp"

namespace upswarm::seeder {

/// Behind one public address many machines may listen on the same port, at private addresses of their own.
struct PeerKey {
  IpAddress seen;
  IpAddress address;
  std::uint16_t port = 0;
  bool operator==(const PeerKey& other) const {
    return seen == other.seen && address == other.address && port == other.port;
  }
  bool operator<(const PeerKey& other) const {
    if (port != other.port) return port < other.port;
    return address == other.address ? seen < other.seen : address < other.address;
  }
};

/// Each call costs about as much in a site of 5,000 as in one of 5: lists that any one peer is drawn from at once, and
/// a list of who falls silent when. Not for use by two threads at once.
class SiteSwarm {
 public:
  /// Told to so many followers at first; the others find each other, so that a large site does not all connect to one.
  static constexpr std::size_t kMostWhoKnowTheLeader = 20;

  struct Peer {
    PeerKey key;
    Leadership::MemberId id = 0;
    Place place;
    std::string peer_id;
    std::int64_t left = 0;
    bool wants = false;
    bool may_lead = false;
    bool is_agent = false;
    Leadership::Progress progress;
    LeaseId knows_leader_of = 0;

    bool is_seed() const { return left == 0; }
    bool is_able() const { return wants && may_lead; }
    Leadership::Asker asker() const { return {id, place.address, left, wants, may_lead}; }

   private:
    friend class SiteSwarm;
    Time until;
    std::multimap<Time, Peer*>::iterator silent;
    std::size_t slot = 0;
  };

  SiteSwarm(Bytes piece_length, Time now) : leadership(piece_length, now) {}

  // Who leads, by whose lease: both or neither. To be ended before the leader is removed.
  Leadership leadership;
  const Peer* leader = nullptr;
  LeaseId lease = 0;

  Peer* find(const PeerKey& key);
  /// Adds or changes what is known of a peer; it is forgotten at `until`.
  Peer& put(const PeerKey& key, const Place& place, const Announce& announce, Time until, Leadership::MemberId new_id);
  void remove(const PeerKey& key);
  /// One that has fallen silent by now, for the caller to remove.
  const Peer* find_silent(Time now);

  std::size_t size() const { return peers_.size(); }
  std::size_t seeds() const { return seeds_; }
  std::size_t wanting() const { return wanting_; }
  std::size_t able() const { return able_; }

  /// At most `most` peers at random for `self` (no seeds for a seed), which may be found at another site. The leader is
  /// among them for the first that ask, and in a site where everybody knows everybody.
  std::vector<ListedPeer> choose(const Place& self, const std::vector<Network>& ranges, Peer* asker, bool for_seed,
                                 std::size_t most, std::mt19937& random);
  /// A new leader: nobody knows it yet.
  void forget_who_knows() { who_know_ = 0; }

 private:
  enum List { leechers, whole, hidden };

  List list_of(const Peer& peer) const;
  void enter(Peer& peer);
  void leave(Peer& peer);
  void list_silent(Peer& peer);
  bool tell_leader(Peer* asker, std::size_t most);

  std::map<PeerKey, Peer> peers_;
  std::array<std::vector<Peer*>, 3> lists_;
  std::multimap<Time, Peer*> silent_at_;  ///< each once, at `until` or a time before it
  std::size_t seeds_ = 0;
  std::size_t wanting_ = 0;
  std::size_t able_ = 0;
  std::size_t who_know_ = 0;
};

}  // namespace upswarm::seeder
