// Making a repository, giving it products, and signing anew what would expire.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "seeder/publish/key_ring.hpp"
#include "seeder/publish/repository.hpp"

namespace upswarm::publish {

struct NewRepository {
  std::vector<std::string> products;
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

/// A key, a delegation and an empty release role for one more product.   Returns the bundle's name.
/// Errors: invalid  the product is there already, or its name is none.
Result<std::string> add_product(Files& files, Repository& repository, const std::string& product, const Clock& clock,
                                KeyRing& keys, const KeyStrength& strength);

/// Signs targets and the release roles anew with later dates, and the root, too, when `with_root`.
/// Returns the bundle's name.
Result<std::string> renew(Repository& repository, bool with_root, const Clock& clock, KeyRing& keys);

}  // namespace upswarm::publish
