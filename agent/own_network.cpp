#include "agent/own_network.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace upswarm::agent {
namespace {

constexpr unsigned kWidest = 8;
constexpr unsigned kWidestOfV6 = 16;
constexpr std::uint16_t kAnyPort = 9;  // discard: nothing is sent to it

// For documentation (RFC 5737, RFC 3849), so in nobody's network.
constexpr const char* kAnywhere = "192.0.2.1";
constexpr const char* kAnywhereOfV6 = "2001:db8::1";

/// The addresses from which the system would send to those of `host`; of those that it has a way to.
std::vector<boost::asio::ip::address> senders_towards(const std::string& host) {
  using boost::asio::ip::udp;
  boost::asio::io_context context;
  boost::system::error_code problem;
  const auto found = udp::resolver(context).resolve(host, "", problem);
  if (problem) return {};
  std::vector<boost::asio::ip::address> senders;
  for (const auto& entry : found) {
    udp::socket socket(context);
    problem.clear();
    socket.open(entry.endpoint().protocol(), problem);
    // Connecting a datagram socket only makes the system choose a route.
    if (!problem) socket.connect({entry.endpoint().address(), kAnyPort}, problem);
    if (problem) continue;
    const auto here = socket.local_endpoint(problem).address();
    if (!problem) senders.push_back(here);
  }
  return senders;
}

}  // namespace

bool is_same(const boost::asio::ip::address& one, const boost::asio::ip::address& other) {
  if (one.is_v4() || other.is_v4()) return one == other;
  return one.to_v6().to_bytes() == other.to_v6().to_bytes();
}

bool is_near(const Network& network) { return network.prefix >= (network.address.is_v4() ? kWidest : kWidestOfV6); }

std::optional<Network> network_towards(const std::string& host, const std::vector<Network>& networks) {
  for (const auto& here : senders_towards(host)) {
    const auto ours = std::ranges::find_if(networks, [&](const Network& one) { return is_same(one.address, here); });
    if (ours != networks.end()) return *ours;
  }
  return {};
}

std::string device_towards(const std::string& host) {
  for (const auto& one : {host, std::string(kAnywhere), std::string(kAnywhereOfV6)}) {
    for (const auto& here : senders_towards(one)) {
      if (auto device = device_of(here); !device.empty()) return device;
    }
  }
  return {};
}

}  // namespace upswarm::agent
