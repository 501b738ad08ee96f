// Publishing one release: from a folder and a recipe to a signed bundle.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "seeder/publish/key_ring.hpp"
#include "seeder/publish/release_packages.hpp"
#include "seeder/publish/repository.hpp"
#include "seeder/publish/signing.hpp"

namespace upswarm::publish {

struct ReleaseRequest {
  Path folder;  ///< the tree to be released
  ReleaseName name;
  std::string channel;
  Path recipe;                           ///< TOML: see trust::read_recipe
  std::optional<std::int64_t> permille;  ///< nothing: no filter, the release is held
  std::optional<int> deltas = {};        ///< how many earlier releases get a delta to this one; else as in Settings
};

struct ReleaseReport {
  trust::Entry entry;
  Signed signed_as;
  std::vector<DeltaNote> notes;  ///< deltas that were not made, and why
  bool packages_reused = false;  ///< the same version and content was there from another channel
};

/// Makes a release: packages, deltas, torrents, the entry, one signature, and the bundle in outgoing/ or, where more
/// people must sign, a change for them. All checks that cost little come first, the passphrase among them. All or
/// nothing, as Repository::commit; what a failed call made is removed by it or by the next Repository::open.
/// Errors: invalid    a name, version or recipe (with file, line and key), a version that is there already
///         not_found  no such product, folder or recipe
///         denied     wrong passphrase
///         cancelled, and as write_package
Result<ReleaseReport> make_release(Files& files, Repository& repository, const ReleaseRequest& request,
                                   const Clock& clock, KeyRing& keys, const package::ProgressSink& progress,
                                   std::stop_token stop);

/// The change, not yet signed, that makes `index` the one of its channel and platform: its file, the next version of
/// the product's role, and `added` targets beside it.
/// Errors: invalid  the index or the role became too long.
Result<ChangeFile> change_index(const Repository& repository, const Product& product, const trust::Index& index,
                                const std::map<std::string, trust::TargetFile>& added, const Clock& clock);

}  // namespace upswarm::publish
