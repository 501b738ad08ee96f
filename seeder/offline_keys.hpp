// A seeder holds no key of an offline role: whoever owns it could sign releases.
#pragma once

#include "protocol/base/files.hpp"
#include "seeder/repository.hpp"

namespace upswarm::seeder {

/// A key file in the seeder's keys folder, of a form that Upswarm writes: an online key, or the publisher's encrypted
/// one, which names its public key.
struct FoundKey {
  Path file;
  std::string public_text;  ///< as in PublicKey
};

/// All of them, in folders inside it too. Files of other forms are passed over.   Errors: disk, denied.
Result<std::vector<FoundKey>> find_keys(Files& files, const Path& folder);

/// Errors: denied  (reason "offline_key") one of `keys` is a key that root or targets names for an offline role: for
///                 any but timestamp, snapshot and the delegated rollout. File and role are told.
Result<void> check_no_offline_key(const std::vector<FoundKey>& keys, const RepositoryView& view);

}  // namespace upswarm::seeder
