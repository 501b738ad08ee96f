#include "protocol/package/encode/group_plan.hpp"

#include <gtest/gtest.h>

namespace upswarm::package {
namespace {

TreeEntry file(const std::string& path, Bytes size, unsigned content) {
  return {path, FileType::regular, 0644, size, sha256(std::to_string(content)), ""};
}

/// Before and after.
std::pair<Tree, Tree> forty_changed_files(Bytes size_before, Bytes size_after) {
  std::pair<Tree, Tree> trees;
  for (unsigned i = 10; i < 50; ++i) {
    trees.first.entries.push_back(file("f" + std::to_string(i), size_before, i));
    trees.second.entries.push_back(file("f" + std::to_string(i), size_after, 100 + i));
  }
  return trees;
}

std::vector<ContentSource> all_patched(const Tree& tree) {
  return std::vector<ContentSource>(tree.entries.size(), {ContentSource::Kind::patched, 0, {}});
}

void expect_whole(const std::vector<GroupPlan>& groups, const Tree& to, Bytes window) {
  std::vector<Bytes> made(to.entries.size());
  std::uint32_t last = 0;
  for (const auto& group : groups) {
    Bytes old_length;
    Bytes new_length;
    for (const auto& piece : group.new_pieces) {
      EXPECT_GE(piece.entry, last);
      last = piece.entry;
      EXPECT_EQ(piece.begin, made[piece.entry]) << "end to end";
      made[piece.entry] += piece.length;
      new_length += piece.length;
    }
    for (const auto& piece : group.old_pieces) old_length += piece.length;
    EXPECT_LE(old_length, window);
    EXPECT_LE(new_length, window);
  }
  for (std::size_t i = 0; i < to.entries.size(); ++i) EXPECT_EQ(made[i], to.entries[i].size);
}

TEST(GroupPlan, OneGroupWhereEverythingFits) {
  const Tree from{{file("a", 10_KiB, 1), file("b", 20_KiB, 2)}};
  const Tree to{{file("a", 11_KiB, 3), file("c", 5_KiB, 4)}};
  const auto groups = plan_groups(from, to, all_patched(to), 1_MiB, 32_MiB);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].old_pieces.size(), 2U);
  expect_whole(groups, to, 1_MiB);
}

TEST(GroupPlan, APrefixIsNoLongerThanTheTextWindowAndTheTextIsHalfOfIt) {
  const auto [from, to] = forty_changed_files(1_MiB, 1_MiB);
  const std::vector<ContentSource> text(to.entries.size(), {ContentSource::Kind::prefixed, 0, {}});
  const auto groups = plan_groups(from, to, text, 1_GiB, 4_MiB);
  EXPECT_EQ(groups.size(), 20U);
  for (const auto& group : groups) {
    EXPECT_EQ(group.new_pieces.size(), 2U);
    EXPECT_EQ(group.old_pieces.size(), 4U);
    for (const auto& piece : group.new_pieces) {
      EXPECT_TRUE(std::ranges::any_of(group.old_pieces, [&](const OldPiece& old) {
        return from.entries[old.entry].path == to.entries[piece.entry].path;
      })) << "what it was is nearest";
    }
  }
}

TEST(GroupPlan, TextAndItsPrefixAreBelow32MiBTogether) {
  const auto [from, to] = forty_changed_files(1_MiB, 1_MiB);
  const std::vector<ContentSource> text(to.entries.size(), {ContentSource::Kind::prefixed, 0, {}});
  const auto groups = plan_groups(from, to, text, 1_GiB, 32_MiB);
  EXPECT_EQ(groups.size(), 4U) << "of 12 MiB";
  for (const auto& group : groups) {
    Bytes together;
    for (const auto& piece : group.old_pieces) together += piece.length;
    for (const auto& piece : group.new_pieces) together += piece.length;
    EXPECT_LT(together, 32_MiB);
    EXPECT_GE(together, 28_MiB);
  }
}

TEST(GroupPlan, WhatDoesNotFitIsSplitAndKeepsItsCounterpart) {
  const auto [from, to] = forty_changed_files(100_KiB, 101_KiB);
  const auto groups = plan_groups(from, to, all_patched(to), 1_MiB, 32_MiB);
  EXPECT_GE(groups.size(), 4U);
  expect_whole(groups, to, 1_MiB);
  for (const auto& group : groups) {
    for (const auto& piece : group.new_pieces) {
      const bool has_counterpart = std::any_of(group.old_pieces.begin(), group.old_pieces.end(),
                                               [&](const auto& one) { return one.entry == piece.entry; });
      EXPECT_TRUE(has_counterpart) << to.entries[piece.entry].path.view();
    }
  }
}

TEST(GroupPlan, AFileBeyondTheWindowIsMadeInPartsFromWhatLiesThere) {
  const Tree from{{file("disk", 10_MiB, 1)}};
  const Tree to{{file("disk", 11_MiB, 2)}};
  const auto groups = plan_groups(from, to, all_patched(to), 1_MiB, 32_MiB);
  EXPECT_EQ(groups.size(), 11U);
  expect_whole(groups, to, 1_MiB);
  ASSERT_EQ(groups[5].old_pieces.size(), 1U);
  EXPECT_LE(groups[5].old_pieces[0].begin, 5_MiB);
  EXPECT_GE(groups[5].old_pieces[0].begin + groups[5].old_pieces[0].length, 6_MiB);
}

TEST(GroupPlan, TextHasItsOldVersionInWholeHoweverLarge) {
  const auto [from, to] = forty_changed_files(5_MiB, 100_KiB);
  const std::vector<ContentSource> text(to.entries.size(), {ContentSource::Kind::prefixed, 0, {}});
  const auto groups = plan_groups(from, to, text, 1_GiB, 32_MiB);
  EXPECT_GE(groups.size(), 10U);
  EXPECT_LE(groups.size(), 20U);
  for (const auto& group : groups) {
    ASSERT_EQ(group.old_pieces.size(), group.new_pieces.size());
    for (std::size_t i = 0; i < group.old_pieces.size(); ++i) {
      EXPECT_EQ(group.old_pieces[i].entry, group.new_pieces[i].entry);
      EXPECT_EQ(group.old_pieces[i].length, 5_MiB);
    }
  }
}

TEST(GroupPlan, TextWhoseOldVersionIsLargerThanAnyPrefixIsNotPrefixed) {
  const Tree from{{file("a", kLargestPrefix + 1_B, 1), file("b", 2_MiB, 2)}};
  EXPECT_FALSE(has_prefix_room(from, file("a", 1_KiB, 3), 32_MiB));
  EXPECT_TRUE(has_prefix_room(from, file("b", 1_KiB, 3), 32_MiB));
  EXPECT_TRUE(has_prefix_room(from, file("c", 1_KiB, 3), 32_MiB));
  EXPECT_FALSE(has_prefix_room(from, file("b", 1_KiB, 3), 1_MiB)) << "in a small tree";
}

TEST(GroupPlan, WhatWasSplitIsLookedAtForNewText) {
  const Tree from{{file("a", 100_KiB, 1), file("binary", 3_MiB, 2), file("bundle", 3_MiB, 3)}};
  const Tree changed{{file("a", 200_KiB, 4)}};
  const Tree to{{file("a", 200_KiB, 4), file("b", 100_KiB, 5)}};
  const std::vector<ContentSource> text(2, {ContentSource::Kind::prefixed, 0, {}});
  const auto old_entries = [&](const Tree& made) {
    const auto groups = plan_groups(from, made, text, 1_GiB, 32_MiB, {2});
    EXPECT_EQ(groups.size(), 1U);
    std::vector<std::uint32_t> entries;
    for (const auto& piece : groups.at(0).old_pieces) entries.push_back(piece.entry);
    return entries;
  };
  EXPECT_EQ(old_entries(changed), std::vector<std::uint32_t>{0}) << "it has its old version";
  EXPECT_EQ(old_entries(to), (std::vector<std::uint32_t>{0, 2}));
}

TEST(GroupPlan, TextComesFirstWithItsOldVersion) {
  const Tree from{{file("a.js", 10_KiB, 1), file("z.so", 50_KiB, 2)}};
  const Tree to{{file("a.js", 10_KiB, 3), file("z.so", 50_KiB, 4)}};
  auto sources = all_patched(to);
  sources[0].kind = ContentSource::Kind::prefixed;
  const auto groups = plan_groups(from, to, sources, 1_MiB, 32_MiB);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_TRUE(groups[0].is_prefixed);
  ASSERT_FALSE(groups[0].old_pieces.empty());
  EXPECT_EQ(groups[0].old_pieces[0].entry, 0U);
  EXPECT_FALSE(groups[1].is_prefixed);
}

}  // namespace
}  // namespace upswarm::package
