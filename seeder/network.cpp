#include "seeder/network.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace upswarm::seeder {
namespace {

namespace ip = boost::asio::ip;

Error refused(std::string_view text, const char* why) {
  return {ErrorKind::invalid, "read the network \"" + std::string(text.substr(0, 60)) + "\"", why};
}

ip::address_v4 masked(const ip::address_v4& address, unsigned prefix) {
  const auto mask = prefix == 0 ? 0U : 0xFFFFFFFFU << (32U - prefix);
  return ip::address_v4(address.to_uint() & mask);
}

ip::address_v6 masked(const ip::address_v6& address, unsigned prefix) {
  auto bytes = address.to_bytes();
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const auto kept = std::clamp<int>(static_cast<int>(prefix) - static_cast<int>(8 * i), 0, 8);
    bytes[i] = static_cast<unsigned char>(bytes[i] & (0xFF00U >> static_cast<unsigned>(kept)));
  }
  return ip::address_v6(bytes);
}

}  // namespace

IpAddress plain(const IpAddress& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

unsigned bits_of(const IpAddress& address) { return address.is_v4() ? 32 : 128; }

Network network_of(const IpAddress& address, unsigned prefix) {
  if (address.is_v4()) return {masked(address.to_v4(), prefix), prefix};
  return {masked(ip::address_v6(address.to_v6().to_bytes()), prefix), prefix};
}

bool Network::contains(const IpAddress& address) const {
  return address.is_v4() == first.is_v4() && network_of(address, prefix).first == first;
}

std::string Network::text() const { return first.to_string() + "/" + std::to_string(prefix); }

Result<InterfaceAddress> parse_interface(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return refused(text, "ADDRESS/PREFIX is wanted");
  const auto digits = text.substr(slash + 1);
  const std::string written(text.substr(0, slash));
  boost::system::error_code failed;
  const auto address = ip::make_address(written, failed);
  if (failed || written.find_first_of(std::string_view("%\0", 2)) != std::string::npos)
    return refused(text, "an IPv4 or IPv6 address is wanted before the slash");
  if (plain(address) != address) return refused(text, "an IPv4 address in the form of IPv6");
  unsigned prefix = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const bool is_number = status == std::errc() && end == digits.data() + digits.size();
  if (!is_number || prefix > bits_of(address) || (digits.size() > 1 && digits.front() == '0'))
    return refused(text, address.is_v4() ? "a prefix from 0 to 32 is wanted" : "a prefix from 0 to 128 is wanted");
  return InterfaceAddress{address, prefix};
}

Result<Network> parse_network(std::string_view text) {
  UPSWARM_TRY(const auto read, parse_interface(text));
  auto network = network_of(read.address, read.prefix);
  if (network.first != read.address) return refused(text, ("is that " + network.text() + "?").c_str());
  return network;
}

bool is_private(const IpAddress& address) {
  static const std::array<Network, 5> kPrivate{
      network_of(ip::make_address("10.0.0.0"), 8), network_of(ip::make_address("172.16.0.0"), 12),
      network_of(ip::make_address("192.168.0.0"), 16), network_of(ip::make_address("100.64.0.0"), 10),
      network_of(ip::make_address("fc00::"), 7)};
  return std::ranges::any_of(kPrivate, [&](const auto& network) { return network.contains(address); });
}

}  // namespace upswarm::seeder
