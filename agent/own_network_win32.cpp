#include <winsock2.h>
#include <ws2tcpip.h>
// After the two above, which it builds on.
#include <iphlpapi.h>

#include <algorithm>

#include "agent/own_network.hpp"

namespace upswarm::agent {
namespace {

constexpr ULONG kFirstSize = 16 * 1024;  // as Microsoft advises
constexpr int kTries = 3;                // adapters may come while they are listed

Network network_of(const IP_ADAPTER_UNICAST_ADDRESS& one) {
  const auto* from = one.Address.lpSockaddr;
  if (from->sa_family == AF_INET) {
    boost::asio::ip::address_v4::bytes_type bytes{};
    const auto* raw = reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in*>(from)->sin_addr);
    std::copy_n(raw, bytes.size(), bytes.begin());
    return {boost::asio::ip::address_v4(bytes), one.OnLinkPrefixLength};
  }
  boost::asio::ip::address_v6::bytes_type bytes{};
  const auto* raw = reinterpret_cast<const unsigned char*>(&reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr);
  std::copy_n(raw, bytes.size(), bytes.begin());
  return {boost::asio::ip::address_v6(bytes), one.OnLinkPrefixLength};
}

}  // namespace

std::vector<Network> own_networks() {
  constexpr ULONG kFlags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
  ULONG size = kFirstSize;
  std::vector<std::max_align_t> buffer;
  auto status = static_cast<ULONG>(ERROR_BUFFER_OVERFLOW);
  for (int i = 0; i < kTries && status == ERROR_BUFFER_OVERFLOW; ++i) {
    buffer.resize(size / sizeof(std::max_align_t) + 1);
    status =
        GetAdaptersAddresses(AF_UNSPEC, kFlags, nullptr, reinterpret_cast<IP_ADAPTER_ADDRESSES*>(buffer.data()), &size);
  }
  std::vector<Network> networks;
  if (status != NO_ERROR) return networks;
  for (const auto* adapter = reinterpret_cast<const IP_ADAPTER_ADDRESSES*>(buffer.data()); adapter != nullptr;
       adapter = adapter->Next) {
    if (adapter->OperStatus != IfOperStatusUp) continue;
    for (const auto* one = adapter->FirstUnicastAddress; one != nullptr; one = one->Next) {
      const auto family = one->Address.lpSockaddr->sa_family;
      if (family != AF_INET && family != AF_INET6) continue;
      if (auto network = network_of(*one); is_near(network)) networks.push_back(std::move(network));
    }
  }
  return networks;
}

std::string device_of(const boost::asio::ip::address& /*address*/) { return {}; }

}  // namespace upswarm::agent
