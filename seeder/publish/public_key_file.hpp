// New keys as pairs of files, and the public halves that people send each other.
//
//   ROLE-NAME.key.json   the secret, encrypted (key_file.hpp)
//   ROLE-NAME.pub.json   {"format":1, "type":"upswarm-public-key", "role", "key_id", "public": hexadecimal}
#pragma once

#include <string>

#include "protocol/base/files.hpp"
#include "seeder/publish/key_file.hpp"

namespace upswarm::publish {

inline constexpr Bytes kLongestPublicKey = 4_KiB;

struct PublicKeyFile {
  std::string role;
  trust::KeyId key_id;
  trust::PublicKey key;
};

std::string write_public_key(const trust::PublicKey& key, const std::string& role);
/// Errors: corrupt  no such file, or the id is not the key's.
Result<PublicKeyFile> read_public_key(std::string_view text, const std::string& what);

/// root, targets, rel-PRODUCT or pre-PRODUCT: the roles whose keys people hold.   Errors: invalid.
Result<void> check_offline_role(const std::string& role);

/// Makes a key and writes both files into `folder`, which is there.
/// Errors: invalid  role or name; denied  one of the two is there already; as lock_key, Files.
Result<trust::SigningKey> write_new_key(Files& files, const Path& folder, const std::string& role,
                                        const std::string& name, const std::string& passphrase,
                                        const KeyStrength& strength);

}  // namespace upswarm::publish
