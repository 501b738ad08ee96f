#include <gmock/gmock.h>

#include "tests/agent/plan_fixture.hpp"

namespace upswarm::agent {
namespace {

using testing::HasSubstr;
using tests::add_delta;

/// The full package in ten pieces, of which the first holds the index.
class SparsePlanTest : public PlanTest {
 protected:
  SparsePlanTest() {
    wanted_.full.piece_length = 100_B;
    wanted_.index_length = 90_B;
  }
  static SparseOffer offer(std::vector<std::uint32_t> pieces) {
    SparseOffer made;
    made.choice.here = 100_B;
    made.choice.origin = Bytes{100 * (pieces.size() - 1)};
    made.choice.pieces = std::move(pieces);
    return made;
  }
};

TEST_F(SparsePlanTest, CostsItsPiecesWithoutThoseThatAreHere) {
  facts_.sparse = offer({0, 3, 9});
  EXPECT_EQ(chosen(), WayKind::sparse);
  const auto sparse = way(WayKind::sparse);
  EXPECT_EQ(sparse.bytes.disk, 100_B);
  EXPECT_EQ(sparse.bytes.origin, 200_B);
  EXPECT_EQ(sparse.cost, 200 * kOriginWeight + 1000 * kRebuildWeight);
  EXPECT_EQ(words_of(sparse), "missing parts of the full package (300 B of 0.98 KiB)");
}

TEST_F(SparsePlanTest, CostsWhatIsFetchedByPiecesAndByRanges) {
  facts_.sparse = SparseOffer{};
  facts_.sparse->choice = {
      .pieces = {3}, .parts = {{{410_B, 20_B}, {}}}, .here = 90_B, .site = 100_B, .origin = 20_B, .by_ranges = 20_B};
  const auto sparse = way(WayKind::sparse);
  EXPECT_EQ(sparse.bytes.disk, 90_B);
  EXPECT_EQ(sparse.bytes.site, 100_B);
  EXPECT_EQ(sparse.bytes.origin, 20_B);
  EXPECT_EQ(sparse.cost, 20 * kOriginWeight + 100 * kSiteWeight + 1000 * kRebuildWeight);
  EXPECT_EQ(words_of(sparse), "missing parts of the full package (210 B of 0.98 KiB, 20 B of it by HTTP ranges)");
}

TEST_F(SparsePlanTest, IsLeftWhereADeltaIsSmaller) {
  facts_.sparse = offer({0, 3, 9});
  add_delta(wanted_, one_, 199_B);
  EXPECT_EQ(chosen(), WayKind::delta);
  wanted_.deltas[0].file.length = 201_B;
  EXPECT_EQ(chosen(), WayKind::sparse);
}

TEST_F(SparsePlanTest, IsNoneWhereAllMustBeFetchedOrNobodyCouldSay) {
  facts_.sparse = offer({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_EQ(way(WayKind::sparse).verdict, "none of it is on disk");
  facts_.sparse = SparseOffer{.why_not = "no index"};
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_EQ(way(WayKind::sparse).verdict, "no index");
}

TEST_F(SparsePlanTest, DamageOfTheBaseIsNoObjection) {
  facts_.sparse = offer({0, 3, 9});
  facts_.base_damage = "1.0.0 on disk is damaged: share/data";
  EXPECT_EQ(chosen(), WayKind::sparse);
}

TEST_F(SparsePlanTest, WhatWasPutAsideIsNotTakenOnThatBaseAndTheWholeIs) {
  facts_.sparse = offer({0, 3, 9});
  facts_.quarantine.push_back({wanted_.full.sha256, one_.content, "1.3.0", "wrong bytes came out", {}});
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::sparse).verdict, HasSubstr("wrong bytes came out"));
  facts_.quarantine[0].base = two_.content;
  EXPECT_EQ(chosen(), WayKind::sparse);
  facts_.quarantine[0].base = {};
  EXPECT_EQ(plan().chosen(), nullptr) << "a package that is wrong as a whole is not right in parts";
}

TEST_F(SparsePlanTest, IsLookedForOnlyWhereTheFullPackageWouldBeFetched) {
  const auto is_worth = [&] { return is_worth_looking_for_parts(plan(), facts_); };
  EXPECT_TRUE(is_worth());
  add_delta(wanted_, one_, 500_B);
  EXPECT_FALSE(is_worth()) << "a delta serves";
  facts_.failed[WayKind::delta] = "it broke";
  EXPECT_TRUE(is_worth());
  facts_.is_here = true;
  EXPECT_FALSE(is_worth());
  facts_.is_here = false;
  facts_.cached = {wanted_.full.sha256};
  EXPECT_FALSE(is_worth());
  facts_.cached.clear();
  facts_.failed[WayKind::sparse] = "it broke";
  EXPECT_FALSE(is_worth());
  facts_.failed.erase(WayKind::sparse);
  facts_.sparse = offer({0, 1});
  EXPECT_FALSE(is_worth()) << "it is known";
  facts_.sparse.reset();
  facts_.installed.reset();
  EXPECT_FALSE(is_worth()) << "there is nothing to take from";
}

TEST_F(SparsePlanTest, AnIndexThatCouldNotPayIsNotFetched) {
  const auto is_worth = [&] { return is_worth_looking_for_parts(plan(), facts_); };
  wanted_.index_length = 251_B;
  EXPECT_FALSE(is_worth());
  wanted_.full.length = 1_GiB;
  wanted_.index_length = kLongestFetchedIndex;
  EXPECT_TRUE(is_worth());
  wanted_.index_length += 1_B;
  EXPECT_FALSE(is_worth());
}

}  // namespace
}  // namespace upswarm::agent
