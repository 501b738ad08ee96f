// The filters of all products, channels and platforms, and the wishes that change them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "seeder/bundle.hpp"
#include "seeder/repository.hpp"

namespace upswarm::seeder {

/// By the path of the target: "rollout/app/stable.linux-x64.json".
using Rollouts = std::map<std::string, trust::Rollout>;

/// What a wish may do.
enum class Steering {
  first_filter,  ///< give a release its first filter, nothing else: an upload key
  any,           ///< change filters, too
};

/// The filters that `role` (the rollout role) lists.   Errors: corrupt, not_found, disk.
Result<Rollouts> read_rollouts(const RoleFile& role, trust::RepositorySource& source);

/// The entries that a filter belongs to: of the signed index and of that of nightly builds, from the offline roles of
/// `view`.
/// Errors: not_found  no role lists it; corrupt.
Result<trust::Index> read_index(const RepositoryView& view, trust::RepositorySource& source, const std::string& product,
                                const std::string& channel, const std::string& platform);

/// Puts the wish into the filter of its index, instead of the item with the same counter. Items of releases that left
/// the index are dropped. True when that changed anything.
/// Errors: untrusted  (reason "entry") the index has no such entry with this digest
///         untrusted  (reason "scope") an existing item would change, but `steering` does not allow it
Result<bool> apply_wish(Rollouts& rollouts, const RolloutWish& wish, const trust::Index& index, Steering steering);

}  // namespace upswarm::seeder
