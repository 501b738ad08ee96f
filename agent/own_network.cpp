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

using boost::asio::ip::address;
using boost::asio::ip::udp;

constexpr auto kAskedAgain = std::chrono::minutes(10);

std::vector<address> addresses_of(const std::string& host) {
  boost::asio::io_context context;
  boost::system::error_code problem;
  std::vector<address> found;
  for (const auto& entry : udp::resolver(context).resolve(host, "", problem)) {
    found.push_back(entry.endpoint().address());
  }
  return found;
}

/// The addresses from which the system would send to these; of those that it has a way to.
std::vector<address> senders_towards(const std::vector<address>& hosts) {
  boost::asio::io_context context;
  std::vector<address> senders;
  for (const auto& host : hosts) {
    boost::system::error_code problem;
    udp::socket socket(context);
    socket.open(host.is_v6() ? udp::v6() : udp::v4(), problem);
    // Connecting a datagram socket only makes the system choose a route.
    if (!problem) socket.connect({host, kAnyPort}, problem);
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
  for (const auto& here : senders_towards(addresses_of(host))) {
    const auto ours = std::ranges::find_if(networks, [&](const Network& one) { return is_same(one.address, here); });
    if (ours != networks.end()) return *ours;
  }
  return {};
}

WayTo::WayTo(std::string host) : host_(std::move(host)) {
  boost::system::error_code problem;
  const auto number = boost::asio::ip::make_address(host_, problem);
  is_name_ = problem.failed();
  if (!is_name_) addresses_ = {number};
}

std::string WayTo::device() {
  const auto now = std::chrono::steady_clock::now();
  if (is_name_ && !is_first_ && (!asked_ || now - *asked_ >= kAskedAgain)) {
    addresses_ = addresses_of(host_);
    asked_ = now;
  }
  is_first_ = false;
  auto ways = addresses_;
  for (const auto* one : {kAnywhere, kAnywhereOfV6}) ways.push_back(boost::asio::ip::make_address(one));
  for (const auto& here : senders_towards(ways)) {
    if (auto device = device_of(here); !device.empty()) return device;
  }
  return {};
}

}  // namespace upswarm::agent
