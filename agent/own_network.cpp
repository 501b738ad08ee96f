#include "agent/own_network.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace upswarm::agent {
namespace {

constexpr unsigned kWidest = 8;
constexpr unsigned kWidestOfV6 = 16;
constexpr std::uint16_t kAnyPort = 9;  // discard: nothing is sent to it

}  // namespace

bool is_near(const Network& network) { return network.prefix >= (network.address.is_v4() ? kWidest : kWidestOfV6); }

std::optional<Network> network_towards(const std::string& host, const std::vector<Network>& networks) {
  using boost::asio::ip::udp;
  boost::asio::io_context context;
  boost::system::error_code problem;
  const auto found = udp::resolver(context).resolve(host, "", problem);
  if (problem) return {};
  for (const auto& entry : found) {
    udp::socket socket(context);
    problem.clear();
    socket.open(entry.endpoint().protocol(), problem);
    // Connecting a datagram socket only makes the system choose a route.
    if (!problem) socket.connect({entry.endpoint().address(), kAnyPort}, problem);
    if (problem) continue;
    const auto here = socket.local_endpoint(problem).address();
    if (problem) continue;
    const auto ours = std::ranges::find_if(networks, [&](const Network& one) {
      if (here.is_v4() || one.address.is_v4()) return one.address == here;
      return one.address.to_v6().to_bytes() == here.to_v6().to_bytes();
    });
    if (ours != networks.end()) return *ours;
  }
  return {};
}

}  // namespace upswarm::agent
