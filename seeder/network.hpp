// Networks of IPv4 and IPv6 (CIDR, RFC 4632 and RFC 4291).
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include "protocol/base/result.hpp"

namespace upswarm::seeder {

using IpAddress = boost::asio::ip::address;

/// A dual-stack socket sees IPv4 peers as ::ffff:a.b.c.d: that is a.b.c.d.
IpAddress plain(const IpAddress& address);

struct Network {
  IpAddress first;  ///< all bits after the prefix are 0
  unsigned prefix = 0;

  bool contains(const IpAddress& address) const;
  /// "10.1.0.0/16"
  std::string text() const;
  bool operator==(const Network& other) const { return first == other.first && prefix == other.prefix; }
  bool operator<(const Network& other) const {
    return prefix == other.prefix ? first < other.first : prefix < other.prefix;
  }
};

/// 32 or 128.
unsigned bits_of(const IpAddress& address);

/// The network of the address; `prefix` is at most bits_of(address).
Network network_of(const IpAddress& address, unsigned prefix);

/// An address with the prefix of its network.
struct InterfaceAddress {
  IpAddress address;
  unsigned prefix = 0;
};

/// Reads "192.168.7.20/24".   Errors: invalid  anything else; a scope, an IPv4 address in the form of IPv6.
Result<InterfaceAddress> parse_interface(std::string_view text);

/// Reads "192.168.7.0/24".   Errors: invalid  as parse_interface; bits after the prefix.
Result<Network> parse_network(std::string_view text);

/// Of RFC 1918, RFC 6598 or RFC 4193: many machines may have the same.
bool is_private(const IpAddress& address);

}  // namespace upswarm::seeder
