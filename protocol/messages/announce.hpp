// How agents and the seeder's tracker speak: BEP 3, BEP 7 and BEP 23 for every client, and these words of our own for
// agents. docs/decisions/0012-sites-and-leaders.md says why it is made so.
//
//   GET /announce?info_hash=...&...     as BEP 3; `ip` is ignored: a claimed address is nobody's
//     upswarm=1                         the sender is an agent: it gets the origin only with a lease
//     network=192.168.7.20/24           the address and prefix of the interface by which it reaches the seeder. Counts
//                                       only where the seeder sees another address, that is behind an address
//                                       translation, and only among machines behind the same public address
//     lead=0                            it must not lead (metered link, VPN, battery); default 1
//
//   The request may be signed (machine_request.hpp). A seeder may be told to give leases to enrolled machines alone.
//
//   The answer of BEP 3, and for agents:
//     "upswarm lease"           a token, 1 to kLongestLease bytes. Whoever has it leads: it alone fetches from the
//                               origin for its site. Absent: it does not lead (any more), and disconnects from there
//     "upswarm lease seconds"   the token is good for so long; an announce within that time renews it
//     "upswarm origin"          the origin's compact address (6 or 18 bytes); only with a lease
//     "upswarm site"            the site's name, at most kLongestSiteName bytes, for people
//     "upswarm ranges"          a list of at most kMostRanges networks ("10.1.0.0/16"): a neighbour's address is in one
//                               of them. Absent: the machine's own networks
//     "upswarm other ranges"    the same for peers of other sites, where an administrator lets them help
//     "upswarm seeds"           how many neighbours of the site have the whole package
//
//   GET /scrape?info_hash=...&info_hash=...&upswarm=1&network=...
//                                     as BEP 48, of 1 to kMostScraped torrents: asks who has them, and enters no swarm.
//                                     An agent is told of its site alone; torrents that are not tracked are left out
//
//   BitTorrent (BEP 10): an agent that leads says {"upswarm": {"lease": TOKEN}} in its extension handshake to the
//   origin. Without a good token the origin gives nothing and hangs up.
//
//   HTTP: `Upswarm-Lease: HEX` with a request for a range of a package. Without it such requests are rationed: 429 with
//   Retry-After while others of the site are served.
#pragma once

#include <cstddef>

namespace upswarm::messages {

inline constexpr std::size_t kLongestLease = 128;
inline constexpr std::size_t kLongestSiteName = 100;
inline constexpr std::size_t kMostRanges = 100;
inline constexpr std::size_t kMostScraped = 24;

// Of the query.
inline constexpr const char* kAgentKey = "upswarm";
inline constexpr const char* kNetworkKey = "network";
inline constexpr const char* kLeadKey = "lead";

// Of the answer.
inline constexpr const char* kLease = "upswarm lease";
inline constexpr const char* kLeaseSeconds = "upswarm lease seconds";
inline constexpr const char* kOrigin = "upswarm origin";
inline constexpr const char* kSite = "upswarm site";
inline constexpr const char* kRanges = "upswarm ranges";
inline constexpr const char* kOtherRanges = "upswarm other ranges";
inline constexpr const char* kSeeds = "upswarm seeds";

// Of the extension handshake: a dictionary under the first, the token under the second, and, where a user waits for the
// package, 1 under the third: the origin then does not mark what it sends as background traffic.
inline constexpr const char* kHandshakeKey = "upswarm";
inline constexpr const char* kHandshakeLease = "lease";
inline constexpr const char* kHandshakeForeground = "foreground";

inline constexpr const char* kLeaseField = "Upswarm-Lease";

}  // namespace upswarm::messages
