// The offline keys of a repository, unlocked as they are needed.
#pragma once

#include <string>
#include <vector>

#include "protocol/trust/metadata.hpp"
#include "seeder/publish/key_file.hpp"
#include "seeder/publish/passphrase.hpp"

namespace upswarm::publish {

/// Not for use by two threads at once.
class KeyRing {
 public:
  /// `folder` is the repository's keys/. `files` must outlive the ring.
  KeyRing(Files& files, Path folder, PassphraseSource passphrase)
      : files_(files), folder_(std::move(folder)), source_(std::move(passphrase)) {}

  /// As many keys of `role` as its threshold wants, from the files that name one of its key ids.
  /// Errors: not_found  fewer of them are in the folder; denied  wrong passphrase; as unlock_key.
  Result<std::vector<trust::SigningKey>> unlock(const std::string& role, const trust::RoleKeys& keys);

  /// Makes a key and writes it to the folder as ROLE-NUMBER.key.json, encrypted, 0600, replacing a file of that name.
  Result<trust::SigningKey> make_key(const std::string& role, int number, const KeyStrength& strength);

 private:
  Result<std::string> passphrase();

  Files& files_;
  Path folder_;
  PassphraseSource source_;
  std::string passphrase_;
};

/// Signs `content` as {"signed", "signatures"} with all of `keys`.
std::string seal_with(const Json& content, const std::vector<trust::SigningKey>& keys);

}  // namespace upswarm::publish
