// Announces of local service discovery (BEP 14): datagrams into a multicast group of the LAN, forged by whoever likes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

inline constexpr std::string_view kLocalGroup = "239.192.152.143";
inline constexpr std::string_view kLocalGroupOfV6 = "ff15::efc0:988f";
inline constexpr std::uint16_t kLocalPort = 6771;

inline constexpr std::size_t kLongestLocalAnnounce = 1400;  ///< bytes (BEP 14)

/// Somebody at the address that a datagram came from has, or wants, these.
struct LocalAnnounce {
  std::uint16_t port = 0;                 ///< where it listens, never 0
  std::vector<trust::InfoHash> ids = {};  ///< at least one
  std::string cookie = {};                ///< of the sender's choice: it tells its own by it

  bool operator==(const LocalAnnounce&) const = default;
};

/// To the group, as text: "239.192.152.143", "[ff15::efc0:988f]".
std::string write_local_announce(const LocalAnnounce& announce, std::string_view group);

/// Reads one whole datagram. Names of fields and info-hashes may be in capitals; fields that are not known, and
/// info-hashes of other lengths (BEP 52), are passed over.   Errors: corrupt  anything else that BEP 14 does not allow.
Result<LocalAnnounce> read_local_announce(std::string_view datagram);

}  // namespace upswarm::agent
