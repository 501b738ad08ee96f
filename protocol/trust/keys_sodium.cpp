#include <sodium.h>

#include <algorithm>

#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::trust {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestPublicText = 8192;  // an RSA key of 16384 bits in PEM has some 2,800
constexpr const char* kEd25519 = "ed25519";

static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_SEEDBYTES == SigningKey::kSeedLength);

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

class Ed25519Verifier final : public SignatureVerifier {
 public:
  bool is_good(const PublicKey& key, std::string_view signature_hex, ByteView message) const override {
    if (key.type != kEd25519 || key.scheme != kEd25519) return false;
    const auto public_bytes = from_hex(key.public_text);
    const auto signature = from_hex(signature_hex);
    if (!public_bytes || public_bytes->size() != crypto_sign_PUBLICKEYBYTES) return false;
    if (!signature || signature->size() != crypto_sign_BYTES) return false;
    return crypto_sign_verify_detached(raw(*signature), raw(message), message.size(), raw(*public_bytes)) == 0;
  }
};

void start_sodium() {
  [[maybe_unused]] static const int status = sodium_init();
  assert(status >= 0);
}

}  // namespace

Result<PublicKey> parse_key(const Json& value, const std::string& where) {
  ObjectReader in(value, where);
  PublicKey key;
  key.type = in.text("keytype", kLongestName);
  key.scheme = in.text("scheme", kLongestName);
  auto inner = in.inside(in.object("keyval"), "keyval");
  UPSWARM_CHECK(in.finish_open());
  key.public_text = inner.text("public", kLongestPublicText);
  UPSWARM_CHECK(inner.finish_open());
  return key;
}

Json to_json(const PublicKey& key) {
  return {{"keytype", key.type}, {"scheme", key.scheme}, {"keyval", {{"public", key.public_text}}}};
}

KeyId id_of(const PublicKey& key) { return sha256(to_canonical(to_json(key))).hex(); }

const SignatureVerifier& ed25519_verifier() {
  static const Ed25519Verifier verifier;
  start_sodium();
  return verifier;
}

void SigningKey::Wipe::operator()(Secret* secret) const {
  sodium_memzero(secret->data(), secret->size());
  delete secret;  // NOLINT(cppcoreguidelines-owning-memory): this is the deleter of its unique_ptr
}

SigningKey SigningKey::generate() {
  start_sodium();
  auto seed = random_bytes(kSeedLength);
  auto key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return std::move(key.value());
}

Result<SigningKey> SigningKey::from_seed(ByteView seed) {
  if (seed.size() != kSeedLength) {
    return Error{ErrorKind::corrupt, "read an Ed25519 seed", "32 bytes are wanted, not " + std::to_string(seed.size())};
  }
  start_sodium();
  SigningKey key;
  key.secret_.reset(new Secret);
  std::array<std::byte, crypto_sign_PUBLICKEYBYTES> public_bytes{};
  crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(public_bytes.data()), key.secret_->data(), raw(seed));
  key.public_key_ = {.type = kEd25519, .scheme = kEd25519, .public_text = to_hex(public_bytes)};
  key.id_ = id_of(key.public_key_);
  return key;
}

SigningKey::~SigningKey() = default;

ByteBuffer SigningKey::seed() const {
  ByteBuffer seed(kSeedLength);
  crypto_sign_ed25519_sk_to_seed(reinterpret_cast<unsigned char*>(seed.data()), secret_->data());
  return seed;
}

std::string SigningKey::sign(ByteView message) const {
  std::array<std::byte, crypto_sign_BYTES> signature{};
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr, raw(message), message.size(),
                       secret_->data());
  return to_hex(signature);
}

}  // namespace upswarm::trust
