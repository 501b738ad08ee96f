// The filters of all products, channels and platforms, and the wishes that change them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "seeder/bundle.hpp"
#include "seeder/repository.hpp"

namespace upswarm::seeder {

/// By the path of the target: "rollout/app/stable.linux-x64.json".
using Rollouts = std::map<std::string, trust::Rollout>;

/// Whether both are for the same entry.
bool is_for_same(const trust::RolloutItem& a, const trust::RolloutItem& b);

/// What a wish may do.
enum class Steering {
  first_filter,  ///< give a release its first filter, nothing else: an upload key
  any,           ///< change filters, too
};

/// The filters that `role` (the rollout role) lists.   Errors: corrupt, not_found, disk.
Result<Rollouts> read_rollouts(const RoleFile& role, trust::RepositorySource& source);

/// The indexes that one filter belongs to. A counter is unique in each of them, not in both: the one of nightly builds
/// has other signers.
struct FilteredIndexes {
  std::optional<trust::Index> releases = {};
  std::optional<trust::Index> nightlies = {};

  /// The entry with this counter and this digest; nullptr: neither has it.
  const trust::Entry* find(const trust::RolloutItem& item) const;
  /// What was said of this entry; nullptr: it stands, or neither has it. Of what is a release, by `releases` alone:
  /// whoever has the key of nightly builds must not take releases away.
  const trust::Withdrawal* withdrawal_of(const trust::RolloutItem& item) const;
};

/// The signed index and that of nightly builds, from the offline roles of `view`.
/// Errors: not_found  neither is there; corrupt, disk.
Result<FilteredIndexes> read_indexes(const RepositoryView& view, trust::RepositorySource& source,
                                     const std::string& product, const std::string& channel,
                                     const std::string& platform);

/// Drops the items of entries that `indexes` withdraw. True when there were any.
bool drop_withdrawn(trust::Rollout& rollout, const FilteredIndexes& indexes);

/// Whether `item` may stand in a filter of `indexes`.
/// Errors: untrusted  (reason "withdrawn") the entry is withdrawn: its cause says why, and what to do
Result<void> check_stands(const FilteredIndexes& indexes, const trust::RolloutItem& item, const std::string& what);

/// Puts the wish into the filter of its indexes, instead of the item for the same entry. Items of releases that left
/// the indexes are dropped, and, where the filter would be longer than clients take (kLongestRollout, kMostEntries),
/// others until it fits, never that of the wish: those below the floor, then nightly builds, whose key must not hold
/// releases, then those of the lowest counters. What is dropped is logged, and holds its
/// old release, which machines that are offered a newer one do not need. True when that changed anything. Errors:
/// untrusted  (reason "entry") the indexes have no such entry with this digest
///         untrusted  (reason "withdrawn") it is withdrawn
///         untrusted  (reason "scope") an existing item would change, but `steering` does not allow it
Result<bool> apply_wish(Rollouts& rollouts, const RolloutWish& wish, const FilteredIndexes& indexes, Steering steering);

}  // namespace upswarm::seeder
