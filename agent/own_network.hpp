// Which networks this machine is in, as its own system says.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/network.hpp"

namespace upswarm::agent {

/// This machine's address in each network that an interface which is up is in, loopback too. Wider ones than /8, or /16
/// of IPv6, are left out: they say nothing about who is near. Empty where the system does not tell.
///   posix  getifaddrs(3)
///   win32  GetAdaptersAddresses
std::vector<Network> own_networks();

/// Of `networks`, the one by which this machine reaches `host`, a name or a number; nothing where there is no way to
/// it. Sends no packet, but perhaps asks for the name, and waits for that.
std::optional<Network> network_towards(const std::string& host, const std::vector<Network>& networks);

/// The way to a host. One thread at a time.
class WayTo {
 public:
  explicit WayTo(std::string host);  ///< a name or a number

  /// The interface by which this machine reaches it, as the system would send to it just now (policy routing and IPv6,
  /// too); where its name has no address, that to addresses of no network in particular. Empty where there is no way,
  /// or the system does not tell. Sends no packet to it, but asks for a name, and waits for that: every ten minutes,
  /// and not the first time, so that nothing waits for a resolver that is away.
  ///   posix  by the address that the system would send from, and getifaddrs(3)
  ///   win32  not told
  std::string device();

 private:
  std::string host_;
  std::vector<boost::asio::ip::address> addresses_;
  bool is_name_ = false;
  bool is_first_ = true;
  std::optional<std::chrono::steady_clock::time_point> asked_;
};

/// The interface that has this address; empty as above.
std::string device_of(const boost::asio::ip::address& address);

/// But for an IPv6 scope.
bool is_same(const boost::asio::ip::address& one, const boost::asio::ip::address& other);

/// Whether a network is small enough to say who is near.
bool is_near(const Network& network);

}  // namespace upswarm::agent
