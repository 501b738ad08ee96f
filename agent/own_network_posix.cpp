#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "agent/own_network.hpp"

namespace upswarm::agent {
namespace {

template <typename Bytes>
unsigned ones_in(const Bytes& mask) {
  unsigned count = 0;
  for (const unsigned char byte : mask) count += static_cast<unsigned>(std::popcount(byte));
  return count;
}

boost::asio::ip::address_v4::bytes_type bytes_of_v4(const sockaddr* from) {
  boost::asio::ip::address_v4::bytes_type bytes{};
  const auto* raw = reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in*>(from)->sin_addr);
  std::copy_n(raw, bytes.size(), bytes.begin());
  return bytes;
}

boost::asio::ip::address_v6::bytes_type bytes_of_v6(const sockaddr* from) {
  boost::asio::ip::address_v6::bytes_type bytes{};
  const auto* raw = reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr);
  std::copy_n(raw, bytes.size(), bytes.begin());
  return bytes;
}

}  // namespace

std::vector<Network> own_networks() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<Network> networks;
  for (const auto* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_netmask == nullptr || (one->ifa_flags & IFF_UP) == 0U) continue;
    Network network;
    if (one->ifa_addr->sa_family == AF_INET) {
      network = {boost::asio::ip::address_v4(bytes_of_v4(one->ifa_addr)), ones_in(bytes_of_v4(one->ifa_netmask))};
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      network = {boost::asio::ip::address_v6(bytes_of_v6(one->ifa_addr)), ones_in(bytes_of_v6(one->ifa_netmask))};
    } else {
      continue;
    }
    if (is_near(network)) networks.push_back(network);
  }
  return networks;
}

}  // namespace upswarm::agent
