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

std::optional<boost::asio::ip::address> address_of(const ifaddrs& one) {
  if (one.ifa_addr == nullptr || (one.ifa_flags & IFF_UP) == 0U) return {};
  if (one.ifa_addr->sa_family == AF_INET) return boost::asio::ip::address_v4(bytes_of_v4(one.ifa_addr));
  if (one.ifa_addr->sa_family == AF_INET6) return boost::asio::ip::address_v6(bytes_of_v6(one.ifa_addr));
  return {};
}

using Interfaces = std::unique_ptr<ifaddrs, decltype(&freeifaddrs)>;

Interfaces interfaces() {
  ifaddrs* list = nullptr;
  return {getifaddrs(&list) == 0 ? list : nullptr, &freeifaddrs};
}

}  // namespace

std::vector<Network> own_networks() {
  std::vector<Network> networks;
  const auto all = interfaces();
  for (const auto* one = all.get(); one != nullptr; one = one->ifa_next) {
    const auto address = address_of(*one);
    if (!address || one->ifa_netmask == nullptr) continue;
    const auto prefix =
        address->is_v4() ? ones_in(bytes_of_v4(one->ifa_netmask)) : ones_in(bytes_of_v6(one->ifa_netmask));
    if (const Network network{*address, prefix}; is_near(network)) networks.push_back(network);
  }
  return networks;
}

std::string device_of(const boost::asio::ip::address& address) {
  const auto all = interfaces();
  for (const auto* one = all.get(); one != nullptr; one = one->ifa_next) {
    const auto ours = address_of(*one);
    if (ours && is_same(*ours, address)) return one->ifa_name;
  }
  return {};
}

}  // namespace upswarm::agent
