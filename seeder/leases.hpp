// Who may fetch from the origin for its site (docs/decisions/0012-sites-and-leaders.md): what the tracker gives, what
// BitTorrent and HTTP ask, and what they count.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/base/clock.hpp"
#include "protocol/base/units.hpp"
#include "seeder/lease_token.hpp"
#include "seeder/network.hpp"

namespace upswarm::seeder {

/// The number of a lease; 0 is none.
using LeaseId = std::uint64_t;

/// The leases of one process. Safe from any thread; nothing is called back.
class Leases {
 public:
  /// `clock` must outlive it. Tokens of an earlier process are strange to a random key: leaders ask anew.
  explicit Leases(const Clock& clock, LeaseKey key = LeaseKey()) : clock_(clock), key_(key) {}

  // The tracker's.

  /// `info_hash`: 20 raw bytes; `holder` names the machine.
  LeaseId begin(const std::string& info_hash, const std::string& site, const std::string& holder, Time expires);
  void renew(LeaseId lease, Time expires);
  /// From now on it is refused, and what runs by it is cut off.
  void end(LeaseId lease);
  /// For a client that knows no tokens: by BitTorrent it may come from this address.
  void admit(LeaseId lease, const IpAddress& address);
  /// Good until the lease expires; empty for one that ended.
  std::string token(LeaseId lease) const;

  /// What the origin saw of a lease.
  struct Standing {
    bool is_live = false;
    Bytes sent;                  ///< by BitTorrent and HTTP
    std::optional<Time> cut_at;  ///< when its BitTorrent connection broke, if nothing has been sent since
  };
  Standing standing(LeaseId lease) const;

  // The origin's.

  /// The live lease of a token for this torrent; 0: there is none, or the token has expired.
  LeaseId check(std::string_view token, const std::string& info_hash) const;
  /// The same for an address that was admitted.
  LeaseId check(const IpAddress& address, const std::string& info_hash) const;
  bool is_live(LeaseId lease) const;
  void count(LeaseId lease, Bytes sent);
  void connected(LeaseId lease);
  void disconnected(LeaseId lease);

 private:
  struct Lease {
    std::string info_hash;
    std::string site;
    std::string holder;
    Time expires;
    Bytes sent;
    bool is_connected = false;
    std::optional<Time> cut_at;
    Bytes sent_when_cut;
    std::pair<std::string, IpAddress> admitted;  ///< a key of admitted_; empty for holders of tokens
  };

  const Lease* find_live(LeaseId lease) const;

  const Clock& clock_;
  const LeaseKey key_;
  mutable std::mutex turn_;
  LeaseId last_ = 0;
  std::map<LeaseId, Lease> leases_;
  std::map<std::pair<std::string, IpAddress>, LeaseId> admitted_;  ///< info-hash, address
};

}  // namespace upswarm::seeder
