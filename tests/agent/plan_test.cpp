#include "agent/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/messages/announce.hpp"
#include "tests/agent/plan_fixture.hpp"

namespace upswarm::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::add_delta;
using tests::make_entry;

TEST_F(PlanTest, ListsEachWayOnceAndSaysOfEachWhy) {
  const auto made = plan();
  ASSERT_EQ(made.ways.size(), 5U);
  EXPECT_EQ(made.chosen()->kind, WayKind::full);
  EXPECT_EQ(made.chosen()->bytes.origin, 1000_B);
  EXPECT_THAT(made.reason, HasSubstr("the only way"));
  for (const auto& one : made.ways) EXPECT_FALSE(one.verdict.empty()) << to_string(one.kind);
  EXPECT_THAT(way(WayKind::nothing).verdict, HasSubstr("not on disk"));
  EXPECT_THAT(way(WayKind::delta).verdict, HasSubstr("no delta from 1.0.0"));
  EXPECT_THAT(way(WayKind::chain).verdict, HasSubstr("2 to 4 deltas"));
  EXPECT_THAT(way(WayKind::sparse).verdict, HasSubstr("not looked through"));
}

TEST_F(PlanTest, AfterAFailedDeltaAMeteredLinkHasABudget) {
  add_delta(wanted_, one_, 10_B);
  facts_.link = Link::metered;
  facts_.fallback_left = 999_B;
  EXPECT_EQ(chosen(), WayKind::delta) << "what does not fail has no budget";
  put_aside(wanted_.deltas[0]);
  const auto refused = plan();
  EXPECT_EQ(refused.chosen(), nullptr);
  EXPECT_TRUE(is_over_budget(refused));
  EXPECT_THAT(way(WayKind::full).verdict, AllOf(HasSubstr("999 B"), HasSubstr("metered_fallback")));
  facts_.fallback_left = 1000_B;
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_TRUE(plan().chosen()->is_fallback);
  facts_.fallback_left = {};
  EXPECT_EQ(chosen(), WayKind::full) << "a user waits";
}

TEST_F(PlanTest, WithoutADeltaThereIsNoBudget) {
  facts_.link = Link::metered;
  facts_.fallback_left = 0_B;
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_FALSE(plan().chosen()->is_fallback);
}

TEST_F(PlanTest, PartsMayBeWithinTheBudgetWhereTheFullPackageIsNot) {
  add_delta(wanted_, one_, 10_B);
  put_aside(wanted_.deltas[0]);
  wanted_.index_length = 100_B;
  facts_.link = Link::metered;
  facts_.fallback_left = 200_B;
  EXPECT_TRUE(is_worth_looking_for_parts(plan(), facts_));
  facts_.sparse = SparseOffer{.choice = {.pieces = {0}, .parts = {}, .here = {}, .site = {}, .origin = 200_B}};
  EXPECT_EQ(chosen(), WayKind::sparse);
  facts_.sparse.reset();
  facts_.fallback_left = 99_B;
  EXPECT_FALSE(is_worth_looking_for_parts(plan(), facts_)) << "the index alone would be more";
}

TEST_F(PlanTest, WhatIsOnDiskCostsNothing) {
  add_delta(wanted_, one_, 1_B);
  facts_.is_here = true;
  EXPECT_EQ(chosen(), WayKind::nothing);
  EXPECT_EQ(way(WayKind::nothing).cost, 0);
}

TEST_F(PlanTest, WhatRunsUnderAnotherCounterCostsNothing) {
  facts_.installed = wanted_.content;
  EXPECT_EQ(chosen(), WayKind::nothing);
}

TEST_F(PlanTest, ADamagedTreeOnDiskIsSaid) {
  facts_.here_damage = "1.3.0 on disk is damaged: share/data";
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::nothing).verdict, HasSubstr("share/data"));
}

TEST_F(PlanTest, TakesTheFullPackageWhereNothingIsInstalled) {
  add_delta(wanted_, one_, 10_B);
  facts_.installed.reset();
  facts_.installed_version.clear();
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::delta).verdict, HasSubstr("nothing is installed"));
}

TEST_F(PlanTest, TakesTheDeltaFromWhatIsInstalled) {
  add_delta(wanted_, make_entry("0.9.0", 0), 5_B);
  add_delta(wanted_, one_, 100_B);
  EXPECT_EQ(chosen(), WayKind::delta);
  EXPECT_EQ(way(WayKind::delta).steps.at(0).from_version, "1.0.0");
  EXPECT_THAT(plan().reason, HasSubstr("it costs least"));
  EXPECT_EQ(way(WayKind::full).verdict, "it costs more; who has it is not known");
}

TEST_F(PlanTest, LeavesADeltaThatIsNoSmallerThanTheFullPackage) {
  add_delta(wanted_, one_, 1001_B);
  EXPECT_EQ(chosen(), WayKind::full);
  add_delta(wanted_, two_, 1_B);
  EXPECT_EQ(chosen(), WayKind::full) << "1.1.0 is not installed";
}

TEST_F(PlanTest, LeavesADeltaWhoseBytesFailedHere) {
  add_delta(wanted_, one_, 10_B);
  facts_.useless = {wanted_.deltas[0].file.sha256};
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::delta).verdict, HasSubstr("failed on this machine"));
}

TEST_F(PlanTest, AQuarantinedRecipeIsNotTakenOnItsBaseAndIsOnAnother) {
  add_delta(wanted_, one_, 10_B);
  put_aside(wanted_.deltas[0]);
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::delta).verdict, HasSubstr("wrong bytes came out"));
  facts_.quarantine[0].base = two_.content;
  EXPECT_EQ(chosen(), WayKind::delta);
}

TEST_F(PlanTest, AChainIsTakenWhereItCostsLeast) {
  add_chain();
  EXPECT_EQ(chosen(), WayKind::chain);
  const auto chain = way(WayKind::chain);
  ASSERT_EQ(chain.steps.size(), 3U);
  EXPECT_EQ(chain.steps[0].from, one_.content);
  EXPECT_EQ(chain.steps[1].to, three_.content);
  EXPECT_EQ(chain.steps[2].to, wanted_.content);
  EXPECT_EQ(chain.bytes.origin, 30_B);
  EXPECT_EQ(chain.cost, 30 * kOriginWeight + 3000 * kRebuildWeight);
  EXPECT_EQ(words_of(chain), "chain of deltas 1.0.0 -> 1.1.0 -> 1.2.0 -> 1.3.0 (30 B)");
}

TEST_F(PlanTest, TheCheapestOfTheChainsIsTaken) {
  add_chain();
  add_delta(three_, one_, 15_B);
  EXPECT_EQ(way(WayKind::chain).steps.size(), 2U) << "25 bytes and two trees instead of 30 and three";
  three_.deltas.clear();
  add_delta(three_, two_, 10_B);
  add_delta(three_, one_, 900_B);
  EXPECT_EQ(way(WayKind::chain).steps.size(), 3U);
}

TEST_F(PlanTest, ADirectDeltaIsTakenWhereAChainSavesFewBytes) {
  add_chain();
  add_delta(wanted_, one_, 40_B);
  EXPECT_EQ(chosen(), WayKind::delta) << "two trees more cost more than 10 bytes";
  facts_.link = Link::metered;
  EXPECT_EQ(chosen(), WayKind::chain);
  EXPECT_THAT(plan().reason, HasSubstr("fewest bytes"));
  EXPECT_EQ(way(WayKind::delta).verdict, "it takes more bytes; who has it is not known");
}

TEST_F(PlanTest, AChainIsBounded) {
  std::vector<trust::Entry> releases{one_};
  for (int i = 1; i <= 5; ++i) {
    auto next = make_entry("1." + std::to_string(i) + ".0", i + 1);
    add_delta(next, releases.back(), 10_B);
    releases.push_back(std::move(next));
  }
  facts_.releases = releases;
  facts_.wanted = releases[4];
  EXPECT_EQ(make_plan(facts_).chosen()->steps.size(), messages::kLongestChain);
  facts_.wanted = releases[5];
  EXPECT_EQ(make_plan(facts_).chosen()->kind, WayKind::full);
}

TEST_F(PlanTest, AChainWithoutOneOfItsStepsIsNone) {
  add_chain();
  put_aside(three_.deltas[0]);
  EXPECT_EQ(chosen(), WayKind::full);
  facts_.quarantine.clear();
  facts_.useless = {two_.deltas[0].file.sha256};
  EXPECT_EQ(chosen(), WayKind::full);
}

TEST_F(PlanTest, AChainNeverLeadsBackToWhereItStarts) {
  add_delta(two_, one_, 1_B);
  add_delta(one_, two_, 1_B);
  add_delta(wanted_, one_, 1_B);
  EXPECT_TRUE(way(WayKind::chain).steps.empty());
}

TEST_F(PlanTest, AcrossMoreThanOneMajorVersionNoChainUnlessTheEntryAllowsIt) {
  const auto renamed = [](const char* version) {
    auto entry = make_entry(version, 4);
    return entry;
  };
  wanted_ = renamed("3.0.0");
  add_chain();
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::chain).verdict, HasSubstr("2 major versions"));
  wanted_.chain_across_majors = true;
  EXPECT_EQ(chosen(), WayKind::chain);
  wanted_ = renamed("2.0.0");
  add_delta(wanted_, three_, 10_B);
  EXPECT_EQ(chosen(), WayKind::chain) << "one major version is no leap";
}

TEST_F(PlanTest, NothingStartsFromADamagedBase) {
  add_chain();
  add_delta(wanted_, one_, 10_B);
  facts_.base_damage = "1.0.0 on disk is damaged: share/data";
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_THAT(way(WayKind::delta).verdict, HasSubstr("share/data"));
  EXPECT_THAT(way(WayKind::chain).verdict, HasSubstr("share/data"));
}

TEST_F(PlanTest, BytesOfNeighboursCostLessThanThoseOfTheOriginOnANormalLink) {
  add_delta(wanted_, one_, 500_B);
  facts_.seeds = {{wanted_.full.info_hash, 3}};
  EXPECT_EQ(chosen(), WayKind::full) << "1,000 bytes from the site instead of 500 through the WAN link";
  EXPECT_EQ(way(WayKind::full).bytes.site, 1000_B);
  EXPECT_EQ(way(WayKind::delta).bytes.origin, 500_B);
  facts_.link = Link::metered;
  EXPECT_EQ(chosen(), WayKind::delta);
}

/// Whoever says so falsely, or goes, must not make a site fetch much more from the origin.
TEST_F(PlanTest, AWordOfTheTrackerNeverMakesTheOriginRiskMoreThanTwiceTheBytes) {
  add_delta(wanted_, one_, 499_B);
  facts_.seeds = {{wanted_.full.info_hash, 3}};
  EXPECT_EQ(chosen(), WayKind::delta);
  EXPECT_EQ(way(WayKind::full).bytes.origin, 1000_B);
  EXPECT_THAT(way(WayKind::full).verdict, HasSubstr("3 neighbours have it, by a word that is not relied on"));
  facts_.failed[WayKind::delta] = "nobody had it";
  EXPECT_EQ(way(WayKind::full).bytes.site, 1000_B) << "nothing smaller is left";
}

TEST_F(PlanTest, AWordOfTheTrackerNeverHidesAShorterChain) {
  add_chain();
  add_delta(two_, one_, 300_B);
  facts_.seeds = {{two_.deltas[1].file.info_hash, 3}};
  EXPECT_EQ(way(WayKind::chain).bytes.network(), 30_B);
  EXPECT_EQ(chosen(), WayKind::chain);
}

TEST_F(PlanTest, WhatConnectedNeighboursHaveIsNoWord) {
  facts_.seeds = {{wanted_.full.info_hash, 3}};
  facts_.sparse = SparseOffer{.choice = {.pieces = {0}, .site = 390_B, .origin = 10_B}};
  EXPECT_EQ(chosen(), WayKind::sparse);
  EXPECT_EQ(way(WayKind::sparse).bytes.site, 390_B);
  EXPECT_EQ(way(WayKind::full).bytes.origin, 1000_B) << "10 bytes of the origin would do";
}

TEST_F(PlanTest, OnASlowLinkTheFewestBytesWinAndItSaysWhatIsSlow) {
  add_delta(wanted_, one_, 200_B);
  facts_.seeds = {{wanted_.full.info_hash, 3}, {wanted_.deltas[0].file.info_hash, 0}};
  facts_.link = Link::slow;
  facts_.link_says = "4 KiB a second at most";
  EXPECT_EQ(chosen(), WayKind::delta);
  EXPECT_THAT(plan().reason,
              HasSubstr("the fewest bytes, on a slow link (4 KiB a second at most); no neighbour has it"));
  EXPECT_THAT(way(WayKind::full).verdict, HasSubstr("it takes more bytes"));
}

TEST_F(PlanTest, ASiteWithoutASeedIsTheOrigin) {
  facts_.seeds = {{wanted_.full.info_hash, 0}};
  EXPECT_EQ(way(WayKind::full).bytes.origin, 1000_B);
}

TEST_F(PlanTest, SaysWhatTheSwarmOffersOfEachWay) {
  add_delta(wanted_, one_, 600_B);
  facts_.seeds = {{wanted_.full.info_hash, 3}};
  EXPECT_EQ(plan().reason, "full package (0.98 KiB): it costs least; 3 neighbours have it");
  EXPECT_EQ(way(WayKind::delta).verdict, "it costs more; who has it is not known");
  facts_.seeds = {{wanted_.full.info_hash, 1}, {wanted_.deltas[0].file.info_hash, 0}};
  EXPECT_EQ(way(WayKind::full).verdict, "full package (0.98 KiB): it costs least; 1 neighbour has it");
  EXPECT_EQ(way(WayKind::delta).verdict, "it costs more; no neighbour has it");
  wanted_.deltas.clear();
  add_chain();
  facts_.seeds = {{two_.deltas[0].file.info_hash, 2}, {three_.deltas[0].file.info_hash, 0}};
  EXPECT_THAT(plan().reason, HasSubstr("; who has them is not known"));
  facts_.seeds[wanted_.deltas[0].file.info_hash] = 0;
  EXPECT_THAT(plan().reason, HasSubstr("; neighbours have 1 of its 3 deltas"));
  facts_.cached = {wanted_.full.sha256};
  EXPECT_EQ(plan().reason, "full package (0.98 KiB): it costs least") << "it is here already";
}

TEST_F(PlanTest, AsksOnlyAboutPackagesThatCouldBeTaken) {
  add_chain();
  add_delta(wanted_, one_, 300_B);
  add_delta(one_, two_, 10_B);
  plan();
  EXPECT_THAT(worth_asking_about(facts_),
              ElementsAre(wanted_.full.info_hash, wanted_.deltas[1].file.info_hash, two_.deltas[0].file.info_hash,
                          three_.deltas[0].file.info_hash, wanted_.deltas[0].file.info_hash))
      << "none leads back";
  facts_.cached = {wanted_.full.sha256};
  put_aside(wanted_.deltas[1]);
  EXPECT_THAT(worth_asking_about(facts_), ElementsAre(two_.deltas[0].file.info_hash, three_.deltas[0].file.info_hash,
                                                      wanted_.deltas[0].file.info_hash));
  facts_.cached.clear();
  facts_.base_damage = "1.0.0 on disk is damaged";
  EXPECT_THAT(worth_asking_about(facts_), ElementsAre(wanted_.full.info_hash));
  facts_.is_here = true;
  EXPECT_TRUE(worth_asking_about(facts_).empty());
}

TEST_F(PlanTest, AsksOnlyAboutDeltasThatLeadToWhatIsWanted) {
  add_chain();
  auto side = make_entry("1.0.1", 5);
  add_delta(side, one_, 10_B);
  auto far = make_entry("1.0.2", 6);
  add_delta(far, side, 10_B);
  auto farther = make_entry("1.0.3", 7);
  add_delta(farther, far, 10_B);
  add_delta(two_, farther, 10_B);  // six deltas to what is wanted: no chain is as long
  plan();
  facts_.releases.insert(facts_.releases.begin(), {side, far, farther});
  EXPECT_THAT(worth_asking_about(facts_),
              ElementsAre(wanted_.full.info_hash, two_.deltas[0].file.info_hash, three_.deltas[0].file.info_hash,
                          wanted_.deltas[0].file.info_hash));
}

TEST_F(PlanTest, AsksAboutNoMoreThanOneQuestionHolds) {
  for (int i = 0; i < 40; ++i) add_delta(wanted_, one_, Bytes{10U + static_cast<unsigned>(i)});
  plan();
  EXPECT_EQ(worth_asking_about(facts_).size(), messages::kMostScraped);
}

TEST_F(PlanTest, WhatIsInTheCacheIsNotFetchedAgain) {
  add_delta(wanted_, one_, 200_B);
  facts_.cached = {wanted_.full.sha256};
  EXPECT_EQ(chosen(), WayKind::full);
  EXPECT_EQ(way(WayKind::full).bytes.disk, 1000_B);
  EXPECT_EQ(way(WayKind::full).bytes.network(), 0_B);
}

TEST_F(PlanTest, WaysThatFailFallBackInOrder) {
  add_delta(wanted_, one_, 40_B);
  add_chain();
  facts_.is_here = true;
  wanted_.full.piece_length = 100_B;
  facts_.sparse = SparseOffer{};
  facts_.sparse->choice = {.pieces = {0, 1, 2, 3}, .here = 100_B, .origin = 300_B};
  std::vector<WayKind> order;
  for (auto made = plan(); made.chosen() != nullptr; made = plan()) {
    order.push_back(made.chosen()->kind);
    facts_.failed[order.back()] = "it broke";
  }
  EXPECT_THAT(order, ElementsAre(WayKind::nothing, WayKind::delta, WayKind::chain, WayKind::sparse, WayKind::full));
  EXPECT_THAT(way(WayKind::chain).verdict, HasSubstr("it broke"));
}

TEST_F(PlanTest, HasNothingWhenAllIsBad) {
  facts_.quarantine.push_back({wanted_.full.sha256, std::nullopt, "1.3.0", "another tree", {}});
  const auto made = plan();
  EXPECT_EQ(made.chosen(), nullptr);
  EXPECT_THAT(made.reason, HasSubstr("no way is left"));
}

TEST_F(PlanTest, HugePackagesDoNotOverflow) {
  wanted_.full.length = Bytes{std::uint64_t{1} << 62U};
  add_delta(wanted_, one_, Bytes{(std::uint64_t{1} << 62U) + 5});
  for (const auto& one : plan().ways) EXPECT_GE(one.cost, 0) << to_string(one.kind);
}

TEST_F(PlanTest, ABaseIsWorthVerifyingWhereADeltaStartsFromIt) {
  plan();
  EXPECT_FALSE(has_delta_from_installed(facts_));
  add_chain();
  plan();
  EXPECT_TRUE(has_delta_from_installed(facts_));
}

TEST(MajorUpgradeTest, OnlyAHigherFirstNumberCounts) {
  EXPECT_TRUE(is_major_upgrade("1.9.9", "2.0.0"));
  EXPECT_FALSE(is_major_upgrade("1.0.0", "1.9.0"));
  EXPECT_FALSE(is_major_upgrade("2.0.0", "1.9.0"));
  EXPECT_FALSE(is_major_upgrade("", "2.0.0"));
}

}  // namespace
}  // namespace upswarm::agent
