// Secret keys as files: the offline ones encrypted by a passphrase, the online ones for the seeder's keys folder.
//
//   keys/ROLE-N.key.json   {"format":1, "role", "key_id", "public",
//                           "kdf":{"name":"argon2id","ops","mem","salt"}, "box": base64(nonce + secretbox(seed))}
//                          Argon2id (RFC 9106) makes the key of the box from the passphrase; the box is
//                          XSalsa20-Poly1305 (libsodium crypto_secretbox); `salt` is hexadecimal, `mem` in bytes.
//   online-keys/ROLE.key   {"format":1, "type":"ed25519", "seed": hexadecimal}
#pragma once

#include <string>
#include <string_view>

#include "protocol/trust/keys.hpp"

namespace upswarm::publish {

inline constexpr Bytes kLongestKeyFile = 16_KiB;

/// How much work one guess of a passphrase costs.
struct KeyStrength {
  std::uint64_t passes = 0;
  Bytes memory;
};

KeyStrength moderate_strength();  ///< libsodium's MODERATE: 256 MiB, about a second. For all real keys.
KeyStrength least_strength();     ///< libsodium's MIN. For tests.

/// What a key file says about itself without its passphrase. Nothing of it is trusted before the key was unlocked.
struct KeyFileInfo {
  std::string role;
  trust::KeyId key_id;
};

/// Errors: corrupt.
Result<KeyFileInfo> read_key_file_info(std::string_view text, const std::string& what);

/// The text of a key file.   Errors: invalid  less than least_strength(); internal  not enough memory.
Result<std::string> lock_key(const trust::SigningKey& key, const std::string& role, std::string_view passphrase,
                             const KeyStrength& strength);

/// The key in a key file. `what` names the file in errors.
/// Errors: denied (reason "passphrase")  a wrong passphrase, or the box was altered: the two cannot be told apart
///         corrupt   no key file, or the key inside is not the one that the file names
///         internal  not enough memory
Result<trust::SigningKey> unlock_key(std::string_view text, const std::string& what, std::string_view passphrase);

/// The text of an online key's file.
std::string write_online_key(const trust::SigningKey& key);

}  // namespace upswarm::publish
