#include <sodium.h>

#include <algorithm>
#include <cassert>

#include "protocol/base/digest.hpp"
#include "seeder/lease_token.hpp"

namespace upswarm::seeder {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kHashLength = 20;
constexpr std::size_t kMacLength = 32;
constexpr std::size_t kSignedLength = kLeaseTokenLength - kMacLength;
static_assert(kSignedLength == 1 + 8 + 8 + kHashLength + 16 + 16);

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

void append(std::string& bytes, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xFFU);
}

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (const auto byte : bytes.substr(at, 8)) number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

std::string mac_of(std::string_view bytes, const std::array<unsigned char, LeaseKey::kLength>& key) {
  std::string mac(kMacLength, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(mac.data()), mac.size(), raw(bytes), bytes.size(), key.data(),
                     key.size());
  return mac;
}

}  // namespace

std::array<char, 16> lease_digest(std::string_view text) {
  std::array<char, 16> digest{};
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), digest.size(), raw(text), text.size(), nullptr,
                     0);
  return digest;
}

LeaseKey::LeaseKey() : LeaseKey(random_bytes(kLength)) {}

LeaseKey::LeaseKey(ByteView key) {
  assert(key.size() == kLength);
  std::ranges::transform(key, key_.begin(), [](std::byte byte) { return std::to_integer<unsigned char>(byte); });
}

std::string LeaseKey::write(const LeaseToken& token) const {
  assert(token.info_hash.size() == kHashLength);
  std::string bytes(1, kVersion);
  append(bytes, token.lease);
  append(bytes, static_cast<std::uint64_t>(token.expires.time_since_epoch().count()));
  bytes += token.info_hash;
  bytes.append(token.site.data(), token.site.size());
  bytes.append(token.holder.data(), token.holder.size());
  return bytes + mac_of(bytes, key_);
}

std::optional<LeaseToken> LeaseKey::read(std::string_view bytes) const {
  if (bytes.size() != kLeaseTokenLength || bytes.front() != kVersion) return std::nullopt;
  const auto signed_part = bytes.substr(0, kSignedLength);
  if (sodium_memcmp(mac_of(signed_part, key_).data(), bytes.data() + kSignedLength, kMacLength) != 0)
    return std::nullopt;
  LeaseToken token;
  token.lease = number_at(bytes, 1);
  token.expires = Time(std::chrono::seconds(static_cast<std::int64_t>(number_at(bytes, 9))));
  token.info_hash = bytes.substr(17, kHashLength);
  std::ranges::copy(bytes.substr(17 + kHashLength, 16), token.site.begin());
  std::ranges::copy(bytes.substr(33 + kHashLength, 16), token.holder.begin());
  return token;
}

}  // namespace upswarm::seeder
