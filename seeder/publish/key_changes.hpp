// Who may sign: adding, revoking and replacing keys.
//
//   root, targets, timestamp, snapshot   stand in the root      -> a new root, by the keys before and by its own
//   rel-P, pre-P, rollout                stand in targets       -> a new targets
//
// Where the keys that signed a role so far are no longer enough, or may have been stolen, the same change signs the
// role anew. All of these end as sign_and_commit does.
#pragma once

#include <optional>
#include <string>

#include "seeder/publish/public_key_file.hpp"
#include "seeder/publish/signing.hpp"

namespace upswarm::publish {

struct KeyWork {
  Files& files;
  Repository& repository;
  const Clock& clock;
  KeyRing& keys;
  KeyStrength strength = moderate_strength();
};

/// Lets one more key sign as `role`. The first key of pre-P makes that role.
/// Errors: invalid  the file is of another role, the key is there already, or (reason "threshold") a threshold below 1
///                  or above the number of keys
///         not_found  no such product
Result<Signed> add_signer(const KeyWork& work, const std::string& role, const PublicKeyFile& key,
                          std::optional<int> threshold);

struct Revocation {
  std::string role;
  std::string key;  ///< its id, or the first 8 digits and more
  std::optional<int> threshold = {};
  /// The thief may have signed releases with high counters: from now on counters of the next epoch count, for releases
  /// and nightly builds of the product.
  bool raise_epoch = false;
};

/// Takes a key from a role and signs the role anew.
/// Errors: not_found  the role has no such key; invalid  it fits several
///         invalid    reason "last_key"; "threshold"  too few would be left; "epoch"  of a role without counters
Result<Signed> revoke_key(const KeyWork& work, const Revocation& wanted);

struct Rotation {
  std::string role;
  std::string key;   ///< as in Revocation; may be empty where the role has one key
  std::string name;  ///< of the new key; empty: a free number
};

struct Rotated {
  Signed signed_as;
  trust::KeyId new_key;
  std::string old_key;
  Path online_key;  ///< of timestamp, snapshot and rollout: the file for the seeder
};

/// Makes a new key in place of an old one. The online roles keep the old key beside the new one, so that whatever the
/// seeder signs with, machines accept it: revoke_key ends that when the seeder has the new one.
/// Errors: as revoke_key.
Result<Rotated> rotate_key(const KeyWork& work, const Rotation& wanted);

bool is_online_role(const std::string& role);  ///< timestamp, snapshot, rollout

}  // namespace upswarm::publish
