// IP networks: where a machine and its neighbours are.
#pragma once

#include <utility>
// Boost 1.74 needs <utility> before it.
#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace upswarm::agent {

/// An address, and how many of its first bits name its network: "10.1.2.3/16".
struct Network {
  boost::asio::ip::address address;  ///< without an IPv6 scope
  unsigned prefix = 0;               ///< at most 32, or 128 for IPv6

  bool operator==(const Network&) const = default;

  /// The first and the last address of the network.
  boost::asio::ip::address first() const;
  boost::asio::ip::address last() const;
  bool contains(const boost::asio::ip::address& other) const;
  std::string text() const;
};

/// Reads "10.1.0.0/16" or "fd00:1::/32". Bits behind the prefix may be set.   Errors: corrupt.
Result<Network> parse_network(std::string_view text);

/// Whether `address`, a number in text, lies in one of the networks.
bool is_inside(std::string_view address, const std::vector<Network>& networks);

}  // namespace upswarm::agent
