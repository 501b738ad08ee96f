// Which files of the new tree are made together, and from which of the old one.
#pragma once

#include <set>

#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/tree_difference.hpp"

namespace upswarm::package {

/// Text files up to this size are made by zstd with old content as a prefix: it finds what several of them have in
/// common, which copies out of old content cannot.
inline constexpr Bytes kLargestText = 1_MiB;

struct NewPiece {
  std::uint32_t entry = 0;  ///< of the new tree
  Bytes begin;
  Bytes length;
};

struct GroupPlan {
  bool is_prefixed = false;
  std::vector<OldPiece> old_pieces;  ///< by entry
  std::vector<NewPiece> new_pieces;  ///< in order: over all groups they are the made files, end to end
};

/// Whether `from` has a file of the same path that is at least half as large.
bool has_old_version(const Tree& from, const TreeEntry& made);

/// Whether the old version of `made`, a text file of at most kLargestText, fits into a prefix (plan_groups). If not,
/// the file is to be patched: copies are looked for in all of it.
bool has_prefix_room(const Tree& from, const TreeEntry& made, Bytes text_window);

/// Prefixed files first, those that belong together by path in one group. The rest: one group as long as old and new
/// files fit into `window` each; beyond that groups of files that belong together by path, and files larger than the
/// window in parts. What did not change is looked at, too, while that costs little. A prefix is at most as long as
/// `text_window`, and what is made with it half of that. `split_texts` are entries of `from` larger than kLargestText
/// off which small text was split.
std::vector<GroupPlan> plan_groups(const Tree& from, const Tree& to, const std::vector<ContentSource>& sources,
                                   Bytes window, Bytes text_window, const std::set<std::uint32_t>& split_texts = {});

}  // namespace upswarm::package
