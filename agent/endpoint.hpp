// Where a peer listens, as numbers in text, so that no network library shows in headers.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace upswarm::agent {

struct Endpoint {
  std::string address;  ///< numeric IPv4 or IPv6, without brackets
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;

  /// "10.0.0.1:6881", "[fe80::1]:6881"
  std::string text() const {
    const bool is_v6 = address.find(':') != std::string::npos;
    return (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  }
};

inline bool is_loopback(std::string_view address) { return address.starts_with("127.") || address == "::1"; }

/// Whether a connection's other end is the origin. A peer that connects to us shows another port than it listens on, so
/// the address decides; on loopback, where many peers share one address, the port must agree too. Port 0 of `origin`:
/// any.
inline bool is_origin(const Endpoint& peer, const Endpoint& origin) {
  if (peer.address != origin.address) return false;
  return !is_loopback(peer.address) || origin.port == 0 || peer.port == origin.port;
}

}  // namespace upswarm::agent
