#include "agent/network.hpp"

#include <algorithm>
#include <charconv>

namespace upswarm::agent {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

constexpr std::size_t kLongestText = 50;

/// The address with all bits behind the prefix set, or none of them.
template <typename Address>
Address with_rest(const Address& of, unsigned prefix, bool set) {
  auto bytes = of.to_bytes();
  for (unsigned bit = prefix; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<unsigned char>(0x80U >> (bit % 8));
    auto& byte = bytes.at(bit / 8);
    byte = static_cast<unsigned char>(set ? (byte | mask) : (byte & ~mask));
  }
  return Address(bytes);
}

address end_of(const Network& network, bool last) {
  if (network.address.is_v4()) return with_rest(network.address.to_v4(), network.prefix, last);
  return with_rest(network.address.to_v6(), network.prefix, last);
}

}  // namespace

address Network::first() const { return end_of(*this, false); }

address Network::last() const { return end_of(*this, true); }

bool Network::contains(const boost::asio::ip::address& other) const {
  if (other.is_v4() != address.is_v4()) return false;
  const Network same{other.is_v4() ? boost::asio::ip::address(other.to_v4())
                                   : boost::asio::ip::address(address_v6(other.to_v6().to_bytes())),
                     prefix};
  return same.first() == first();
}

std::string Network::text() const { return address.to_string() + "/" + std::to_string(prefix); }

Result<Network> parse_network(std::string_view text) {
  const auto wrong = [&] {
    return Error{ErrorKind::corrupt, "read a network", "none is \"" + std::string(text.substr(0, kLongestText)) + "\""};
  };
  const auto slash = text.find('/');
  if (text.size() > kLongestText || slash == std::string_view::npos) return wrong();
  boost::system::error_code problem;
  Network network;
  network.address = boost::asio::ip::make_address(std::string(text.substr(0, slash)), problem);
  if (problem || text.substr(0, slash).find('%') != std::string_view::npos) return wrong();
  const auto digits = text.substr(slash + 1);
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix);
  const bool is_number = status == std::errc() && end == digits.data() + digits.size();
  const bool has_one_form = digits.size() == 1 || !digits.starts_with('0');
  if (!is_number || !has_one_form || network.prefix > (network.address.is_v4() ? 32U : 128U)) return wrong();
  return network;
}

bool is_inside(std::string_view text, const std::vector<Network>& networks) {
  boost::system::error_code problem;
  const auto found = boost::asio::ip::make_address(std::string(text), problem);
  if (problem) return false;
  return std::ranges::any_of(networks, [&](const Network& network) { return network.contains(found); });
}

}  // namespace upswarm::agent
