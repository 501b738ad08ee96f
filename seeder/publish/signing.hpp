// From a change to signed metadata: at once where this desk's keys are enough, else by way of a file that others sign.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "seeder/publish/change_check.hpp"
#include "seeder/publish/key_ring.hpp"
#include "seeder/publish/repository.hpp"

namespace upswarm::publish {

/// How a command ended that wanted something signed: with a bundle, or with a change file and what it lacks.
struct Signed {
  std::string bundle;                 ///< its name in outgoing/; empty: not yet
  Path change = {};                   ///< the change file; empty: not needed
  std::vector<Missing> missing = {};  ///< signatures, while there is no bundle
};

/// Signs `change` with the keys of `keys`, one of a role, and commits it when every threshold is met; else writes it
/// to changes/ with the folder `packages` (when not empty) beside it. The change's base is filled in here. All or
/// nothing, as Repository::commit.
/// Errors: as KeyRing::unlock, check_change, Repository::commit.
Result<Signed> sign_and_commit(Files& files, Repository& repository, ChangeFile change, const Path& packages,
                               KeyRing& keys);

/// A change file, read and checked against the base it carries.
struct OpenedChange {
  ChangeFile change;
  Base base;
  std::string words;             ///< see words_of
  std::vector<Missing> missing;  ///< signatures
};

/// For people who have no repository. With `trusted_root` (the bytes of a root file of one's own) the base must be
/// built on exactly that root.
/// Errors: as parse_change, read_base, check_change; untrusted (reason "root")  another root.
Result<OpenedChange> open_change(Files& files, const Path& file, const std::optional<std::string>& trusted_root);

/// Adds the signature of one key to every document that still wants it, and writes the file anew.
/// `role` is the one the key was made for. Returns what is missing now.
/// Errors: invalid  reason "signed_already": it signed before; "wrong_key": nothing here wants it.
Result<std::vector<Missing>> add_signature(Files& files, const Path& file, OpenedChange opened,
                                           const trust::SigningKey& key);

struct Published {
  std::string bundle;                         ///< its name in outgoing/
  std::vector<seeder::RolloutWish> rollouts;  ///< what goes with it, for people to see: nobody signed it
};

/// Commits a signed change: the signatures of all `copies`, which must be of the same change, count together.
/// Everything is checked against the repository as it is now. What belongs to the change leaves changes/. Errors:
/// untrusted  reason "stale"  the repository has moved on; "altered"; "wrong_signature"  too few good ones;
///            "rollouts"  see check_wishes, or the copies ask for different ones
///         corrupt    a package is not what the change signs; as check_wishes
Result<Published> publish_change(Files& files, Repository& repository, const std::vector<Path>& copies);

/// Gives a change up: its file leaves changes/, and the packages that wait with it. `change` is its name there, or a
/// path to it, also from the repository. What it says is not looked at, so a stale or damaged one can go, too.
/// Versions, counters and numbers that it would have had are given again; key files that its command made stay.
/// Packages without a file, of a discard that stopped in between, go as well. Returns its name. `repository` must be
/// open for writing. Errors: not_found  there is no such change; invalid  it is no change file, or lies elsewhere than
/// in changes/; disk.
Result<std::string> discard_change(Files& files, const Repository& repository, const Path& change);

}  // namespace upswarm::publish
