// Making a repository, giving it products, and signing anew what would expire.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "seeder/publish/key_ring.hpp"
#include "seeder/publish/repository.hpp"
#include "seeder/publish/signing.hpp"

namespace upswarm::publish {

struct NewRepository {
  std::vector<std::string> products;
  bool nightly = false;  ///< with a key for nightly builds of each
  int root_threshold = 1;
  int root_keys = 1;
  KeyStrength strength = moderate_strength();
  Settings settings = {};
};

/// Makes a repository in `folder`, which must be empty or missing: keys, first metadata, and a first bundle with it.
/// It is made as FOLDER.part and renamed: after an error `folder` is as it was.
/// Errors: invalid  a name, or a threshold above the number of keys; denied  `folder` holds something; as Files.
Result<void> make_repository(Files& files, const Path& folder, const NewRepository& wanted, const Clock& clock,
                             const PassphraseSource& passphrase);

/// A key, a delegation and an empty release role for one more product; with `nightly` a key and a delegation for
/// nightly builds, too.
/// Errors: invalid  the product is there already, or its name is none; as sign_and_commit.
Result<Signed> add_product(Files& files, Repository& repository, const std::string& product, bool nightly,
                           const Clock& clock, KeyRing& keys, const KeyStrength& strength);

/// Signs targets and the release roles anew with later dates, and the root, too, when `with_root`. Nightly builds sign
/// their role anew with each release.   Errors: as sign_and_commit.
Result<Signed> renew(Files& files, Repository& repository, bool with_root, const Clock& clock, KeyRing& keys);

/// Lets `key` sign as `role`, rel-PRODUCT or pre-PRODUCT, which is new.
void delegate_product(trust::Delegations& delegations, const trust::PublicKey& key, const std::string& role);

}  // namespace upswarm::publish
