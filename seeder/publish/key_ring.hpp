// The offline keys at this desk, unlocked as they are needed: of each role one, whatever the folder holds.
//
// A threshold of two stands for two people. So one command never unlocks a second key of a role, even where several
// key files lie together and the passphrase opens them all; who is missing signs the change that the command leaves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/trust/metadata.hpp"
#include "seeder/publish/key_file.hpp"
#include "seeder/publish/passphrase.hpp"

namespace upswarm::publish {

/// Not for use by two threads at once.
class KeyRing {
 public:
  /// `folder` holds ROLE-NAME.key.json files; with a `signer` those of that NAME alone count.
  /// `files` must outlive the ring.
  KeyRing(Files& files, Path folder, PassphraseSource passphrase, std::string signer = {})
      : files_(files), folder_(std::move(folder)), source_(std::move(passphrase)), signer_(std::move(signer)) {}

  /// Unlocks one key of `role`, the first in the folder that `keys` names, unless one was unlocked already. That there
  /// is none is no error: then others sign.   Errors: denied  wrong passphrase; as unlock_key.
  Result<void> unlock(const std::string& role, const trust::RoleKeys& keys);

  /// The keys of `role` that this command may sign with: the one it unlocked, and those it made.
  std::vector<const trust::SigningKey*> keys_of(const std::string& role) const;

  /// Makes a key, writes it to the folder as ROLE-NAME.key.json, encrypted, 0600, and its public half beside it, and
  /// keeps it for signing.   Errors: denied  a file of that name is there; as lock_key, Files.
  Result<trust::PublicKey> make_key(const std::string& role, const std::string& name, const KeyStrength& strength);

  /// The lowest number that no key file of `role` has as its name.
  Result<std::string> free_name(const std::string& role);

  /// Key id -> file, of all key files of the folder, without unlocking any. A folder that is not there is empty.
  Result<std::map<trust::KeyId, std::string>> files_here();

 private:
  Result<std::string> passphrase();
  Result<std::vector<std::string>> names();

  Files& files_;
  Path folder_;
  PassphraseSource source_;
  std::string signer_;
  std::string passphrase_;
  std::map<std::string, trust::SigningKey> unlocked_;
  std::multimap<std::string, trust::SigningKey> made_;
};

/// "rel-app-anna.key.json"
std::string key_file_name(const std::string& role, const std::string& name);

}  // namespace upswarm::publish
