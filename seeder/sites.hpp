// Which site a machine is at (docs/decisions/0012-sites-and-leaders.md).
//
//   named    the longest network of the configuration that the seen address is in
//   direct   else the network of the seen address: its prefix is the announced one (IPv4: 16 to 32, IPv6: 48 to 128),
//            or 24 and 64 where the machine announces none, or another
//   behind   the machine announces a private address and is seen by another one: an address translation. The seen
//            address together with the private network; a named site goes before. Its neighbours, and they alone, reach
//            it at its private address: those that are seen by the same address.
//
// So what a machine claims only ever divides those that are seen by the same address, or in the same network.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/messages/announce.hpp"
#include "seeder/network.hpp"

namespace upswarm::seeder {

inline constexpr std::size_t kMostSites = 1000;
/// Of one site, and of all sites that help one: they fit in an answer, with one more for an address translation.
inline constexpr std::size_t kMostNetworks = messages::kMostRanges - 1;

/// [[sites]] of the configuration.
struct NamedSite {
  std::string name;                    ///< 1 to kLongestSiteName bytes
  std::vector<Network> networks;       ///< 1 to kMostNetworks; no network is in two sites
  std::vector<std::string> helped_by;  ///< sites whose machines its leader may fetch from, too
};

/// Where a machine is.
struct Place {
  std::string site;              ///< the site's key, and its name for people
  IpAddress seen;                ///< where the announce came from
  IpAddress address;             ///< where neighbours reach the machine: `seen`, or its private address
  std::optional<Network> inner;  ///< its private network, behind an address translation

  bool is_behind() const { return inner.has_value(); }
};

/// Immutable: safe from any thread.
class SiteMap {
 public:
  SiteMap() = default;
  /// `named` is valid: parse_seeder_config() has seen to that.
  explicit SiteMap(const std::vector<NamedSite>& named);

  /// `announced`: the address and prefix of the machine's own interface, by its own word.
  Place place_of(const IpAddress& remote, const std::optional<InterfaceAddress>& announced) const;

  /// Where the neighbours of a machine are; at most kMostRanges.
  std::vector<Network> ranges_of(const Place& place) const;
  /// The keys of the sites that help the site of this key, and their networks.
  const std::vector<std::string>& helpers_of(const std::string& site) const;
  std::vector<Network> other_ranges_of(const std::string& site) const;

 private:
  const NamedSite* named_at(const IpAddress& address) const;

  std::map<std::string, NamedSite, std::less<>> named_;
  std::map<Network, std::string> networks_;
  std::set<unsigned, std::greater<>> prefixes_;
};

/// Whether a machine at `asker` may be told of one at `other`. `ranges` are those of `asker`.
bool may_meet(const Place& asker, const std::vector<Network>& ranges, const Place& other);

}  // namespace upswarm::seeder
