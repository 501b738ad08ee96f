// Public keys, signatures and the keys that make them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/json.hpp"

namespace upswarm::trust {

/// TUF 4.2: the SHA-256 of a key's canonical JSON, 64 hexadecimal digits. Ids of foreign repositories may be any text.
using KeyId = std::string;

/// A public key as metadata holds it.
struct PublicKey {
  std::string type;         ///< "ed25519", ...
  std::string scheme;       ///< "ed25519", ...
  std::string public_text;  ///< keyval.public: for ed25519 64 hexadecimal digits
};

/// Reads one value of a "keys" map. Unknown types and schemes are no mistake: they just never count.
/// `where` names the value in errors.   Errors: corrupt  no object with keytype, scheme and keyval.public as text.
Result<PublicKey> parse_key(const Json& value, const std::string& where);
Json to_json(const PublicKey& key);
/// Of the canonical JSON of to_json(key).
KeyId id_of(const PublicKey& key);

struct Signature {
  KeyId key_id;
  std::string value;  ///< hexadecimal
};

/// Answers whether a signature is good. One for production (Ed25519 alone); conformance tools bring others.
class SignatureVerifier {
 public:
  virtual ~SignatureVerifier() = default;
  /// False for a wrong signature, for hexadecimal text that is not lower case or of the wrong length, and for a type or
  /// scheme that is not known. Safe from any thread.
  virtual bool is_good(const PublicKey& key, std::string_view signature_hex, ByteView message) const = 0;
};

/// Ed25519 (RFC 8032) by libsodium. Lives as long as the program.
const SignatureVerifier& ed25519_verifier();

/// A secret Ed25519 key. Its memory is wiped at the end. What was moved from may only be destroyed or assigned to.
class SigningKey {
 public:
  static constexpr std::size_t kSeedLength = 32;

  static SigningKey generate();
  /// Errors: corrupt  not 32 bytes.
  static Result<SigningKey> from_seed(ByteView seed);

  SigningKey(SigningKey&&) noexcept = default;
  SigningKey& operator=(SigningKey&&) noexcept = default;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  ~SigningKey();

  const PublicKey& public_key() const { return public_key_; }
  const KeyId& id() const { return id_; }
  /// The 32 bytes to keep; whoever asks wipes them.
  ByteBuffer seed() const;
  /// The signature of `message` in hexadecimal.
  std::string sign(ByteView message) const;

 private:
  using Secret = std::array<unsigned char, 64>;  // libsodium's form: seed and public key
  struct Wipe {
    void operator()(Secret* secret) const;
  };

  SigningKey() = default;
  std::unique_ptr<Secret, Wipe> secret_;  // wiped also when another key is moved over it
  PublicKey public_key_;
  KeyId id_;
};

}  // namespace upswarm::trust
