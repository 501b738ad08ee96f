#include <sodium.h>

#include <algorithm>
#include <cstdlib>

#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"

namespace upswarm {
namespace {

/// libsodium's random source is safe from any thread only after this.
void start_sodium() {
  static const int status = sodium_init();
  if (status < 0) std::abort();  // a machine without random numbers
}

template <typename Digest>
Result<Digest> parse_digest(std::string_view hex, const char* name) {
  Digest digest;
  const auto digits = 2 * digest.bytes.size();
  if (hex.size() != digits)
    return Error{ErrorKind::corrupt, name, std::to_string(digits) + " hexadecimal digits are wanted"};
  UPSWARM_TRY(const auto bytes, from_hex(hex));
  std::ranges::copy(bytes, digest.bytes.begin());
  return digest;
}

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace

struct Sha256Hasher::State {
  crypto_hash_sha256_state sha;
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->sha); }
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::update(ByteView bytes) { crypto_hash_sha256_update(&state_->sha, raw(bytes), bytes.size()); }

Sha256 Sha256Hasher::finish() {
  Sha256 digest;
  crypto_hash_sha256_final(&state_->sha, reinterpret_cast<unsigned char*>(digest.bytes.data()));
  crypto_hash_sha256_init(&state_->sha);
  return digest;
}

Sha256 sha256(ByteView bytes) {
  Sha256 digest;
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(digest.bytes.data()), raw(bytes), bytes.size());
  return digest;
}

std::string Sha256::hex() const { return to_hex(bytes); }

Result<Sha256> parse_sha256(std::string_view hex) { return parse_digest<Sha256>(hex, "SHA-256"); }

struct Sha512Hasher::State {
  crypto_hash_sha512_state sha;
};

Sha512Hasher::Sha512Hasher() : state_(std::make_unique<State>()) { crypto_hash_sha512_init(&state_->sha); }
Sha512Hasher::~Sha512Hasher() = default;

void Sha512Hasher::update(ByteView bytes) { crypto_hash_sha512_update(&state_->sha, raw(bytes), bytes.size()); }

Sha512 Sha512Hasher::finish() {
  Sha512 digest;
  crypto_hash_sha512_final(&state_->sha, reinterpret_cast<unsigned char*>(digest.bytes.data()));
  return digest;
}

std::string Sha512::hex() const { return to_hex(bytes); }

Result<Sha512> parse_sha512(std::string_view hex) { return parse_digest<Sha512>(hex, "SHA-512"); }

ByteBuffer random_bytes(std::size_t count) {
  start_sodium();
  ByteBuffer bytes(count);
  if (count != 0) randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

std::uint32_t random_below(std::uint32_t bound) {
  start_sodium();
  return randombytes_uniform(bound);
}

}  // namespace upswarm
