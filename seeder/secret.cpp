#include "seeder/secret.hpp"

#include "protocol/base/hex.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kSecretLength = 32;

}  // namespace

std::string make_secret(std::string_view prefix) { return std::string(prefix) + to_hex(random_bytes(kSecretLength)); }

bool is_same(const Sha256& a, const Sha256& b) {
  auto difference = std::byte{0};
  for (std::size_t i = 0; i < a.bytes.size(); ++i) difference |= a.bytes[i] ^ b.bytes[i];
  return difference == std::byte{0};
}

}  // namespace upswarm::seeder
