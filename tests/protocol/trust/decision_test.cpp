#include <array>
#include <limits>

#include "tests/protocol/trust/decision_fixture.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;
using std::chrono::hours;

TEST_F(DecisionTest, TheNewestIsWanted) { EXPECT_EQ(answer(), "wanted 1.0.4"); }

TEST_F(DecisionTest, TheNewestIsCurrent) {
  be_on(4);
  EXPECT_EQ(answer(), "current");
}

TEST_F(DecisionTest, NewerThanTheIndexIsCurrent) {
  be_on(9);
  EXPECT_EQ(answer(), "current");
}

TEST_F(DecisionTest, AnEmptyMachineWantsTheNewest) {
  facts.installed.reset();
  facts.installed_version.reset();
  facts.highest_committed = {1, 0};
  EXPECT_EQ(answer(), "wanted 1.0.4");
  index.entries.clear();
  EXPECT_EQ(answer(), "held");
}

TEST_F(DecisionTest, AnEmptyIndexLeavesAMachineAsItIs) {
  index.entries.clear();
  EXPECT_EQ(answer(), "current");
}

TEST_F(DecisionTest, AVersionAloneIsFoundInTheIndex) {
  facts.installed.reset();
  EXPECT_EQ(answer(), "wanted 1.0.4");
  facts.installed_version = "1.0.4";
  EXPECT_EQ(answer(), "current");
}

TEST_F(DecisionTest, WithoutAFilterNothingNewIsWanted) {
  EXPECT_EQ(brief(decide(index, std::nullopt, facts)), "held 1.0.4");
  be_on(4);
  EXPECT_EQ(brief(decide(index, std::nullopt, facts)), "current");
}

TEST_F(DecisionTest, WhatRequiresTheUnknownIsHeldAndTheOneBelowIsWanted) {
  auto later = to_json(entry(4));
  later["requires"] = {"oracle-health"};
  entry(4) = *parse_entry(later, "entry");
  EXPECT_EQ(answer(), "wanted 1.0.3");
  be_on(3);
  EXPECT_EQ(answer(), "held 1.0.4");
  EXPECT_EQ(ask().reason, "held: 1.0.4: needs a newer installer: oracle-health");
}

TEST_F(DecisionTest, AFilterOfAnotherProductIsNone) {
  auto filter = rollout();
  filter.platform = "windows-x64";
  EXPECT_EQ(brief(decide(index, filter, facts)), "held 1.0.4");
}

TEST_F(DecisionTest, WithoutAnItemTheOneBelowIsWanted) {
  unlisted = {4};
  EXPECT_EQ(answer(), "wanted 1.0.3");
  unlisted = {3, 4};
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("not begun");
}

TEST_F(DecisionTest, AnItemMustMatchBothCounterAndDigest) {
  auto filter = rollout();
  filter.items.at(3).entry = sha256("another");
  EXPECT_EQ(brief(decide(index, filter, facts)), "wanted 1.0.3");
  filter = rollout();
  filter.items.at(3).counter.n = 5;
  EXPECT_EQ(brief(decide(index, filter, facts)), "wanted 1.0.3");
}

TEST_F(DecisionTest, AFilterForAnAlteredEntryDoesNotCount) {
  const auto filter = rollout();
  entry(4).hooks.before = Command{{"bin/evil"}, std::chrono::seconds(1), ""};
  EXPECT_EQ(brief(decide(index, filter, facts)), "wanted 1.0.3");
}

TEST_F(DecisionTest, APauseHoldsAndSaysWhy) {
  item(4).paused = item(3).paused = true;
  item(4).reason = "it crashes";
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("paused: it crashes");
}

TEST_F(DecisionTest, ThePermilleDecidesByPlace) {
  item(3).permille = 0;
  const auto place = rollout_place(entry(4).salt, facts.machine_id);
  item(4).permille = place;
  EXPECT_EQ(answer(), "held 1.0.4");
  item(4).permille = place + 1;
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, TheReasonNamesThePart) {
  facts.machine_id = "late";
  while (rollout_place(entry(4).salt, facts.machine_id) < 125) facts.machine_id += "r";
  unlisted = {3};
  item(4).permille = 125;
  EXPECT_EQ(ask().reason, "held: 1.0.4: 12.5 % of machines have it, this one is in the later part");
  item(4).permille = 100;
  expect_reason("10 % of machines");
}

TEST_F(DecisionTest, UrgentSkipsThePermilleButNotAPause) {
  item(3).permille = item(4).permille = 0;
  EXPECT_EQ(answer(), "held 1.0.4");
  entry(4).urgent = true;
  EXPECT_EQ(answer(), "wanted 1.0.4");
  item(4).paused = true;
  EXPECT_EQ(answer(), "held 1.0.4");
  unlisted = {4};
  EXPECT_EQ(answer(), "held 1.0.4");
}

TEST_F(DecisionTest, AStolenOnlineKeyCannotHoldAnUrgentReleaseForEver) {
  entry(4).urgent = true;
  entry(4).max_hold_days = 3;
  entry(4).not_before = kNow;
  item(3).paused = item(4).paused = true;
  facts.now = kNow + days(3) - std::chrono::seconds(1);
  EXPECT_EQ(answer(), "held 1.0.4");
  facts.now = kNow + days(3);
  EXPECT_EQ(answer(), "wanted 1.0.4");
  EXPECT_EQ(brief(decide(index, std::nullopt, facts)), "wanted 1.0.4");
  unlisted = {4};
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, WithoutADateOrUrgencyTheFilterMayHoldForEver) {
  unlisted = {3, 4};
  facts.now = kNow + days(1000);
  entry(4).urgent = true;
  EXPECT_EQ(answer(), "held 1.0.4");
  entry(4).urgent = false;
  entry(4).not_before = kNow;
  EXPECT_EQ(answer(), "held 1.0.4");
}

TEST_F(DecisionTest, NothingBeforeItsTime) {
  entry(4).not_before = kNow + hours(1);
  EXPECT_EQ(answer(), "wanted 1.0.3");
  entry(4).urgent = true;
  EXPECT_EQ(answer(), "wanted 1.0.3") << "urgent is no earlier";
  facts.now += hours(1);
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, PreReleasesAreForThoseWhoOptedIn) {
  index.entries.push_back(make(5, "1.1.0-beta.1"));
  EXPECT_EQ(answer(), "wanted 1.0.4");
  be_on(4);
  EXPECT_EQ(answer(), "current");
  facts.accepts_prerelease = true;
  EXPECT_EQ(answer(), "wanted 1.1.0-beta.1");
}

TEST_F(DecisionTest, ABadReleaseIsPassedOver) {
  facts.bad = {entry(4).content};
  EXPECT_EQ(answer(), "wanted 1.0.3");
  be_on(3);
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("failed on this machine");
}

TEST_F(DecisionTest, ANewerReleaseEndsTheHoldOfABadOne) {
  be_on(3);
  facts.bad = {entry(4).content};
  index.entries.push_back(make(5, "1.0.5"));
  EXPECT_EQ(answer(), "wanted 1.0.5");
}

TEST_F(DecisionTest, NothingBelowTheFloorIsADestination) {
  be_on(1);
  index.floor = {1, 4};
  EXPECT_EQ(answer(), "wanted 1.0.4");
  index.floor = {1, 5};
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("below the floor 1.5");
}

TEST_F(DecisionTest, AMachineBelowTheFloorStillGoesByTheFilter) {
  be_on(1);
  index.floor = {1, 3};
  item(3).permille = item(4).permille = 0;
  EXPECT_EQ(answer(), "held 1.0.4");
}

TEST_F(DecisionTest, BelowTheFloorWithNothingNewerIsNotFine) {
  be_on(4);
  index.floor = {1, 5};
  EXPECT_EQ(answer(), "held");
}

TEST_F(DecisionTest, GoingBackIsNotDecidedHere) {
  be_on(4);
  index.entries.pop_back();
  index.entries.pop_back();
  EXPECT_EQ(answer(), "current");
}

TEST_F(DecisionTest, BehindWhatWasCommittedNothingIsWanted) {
  // 1.0.4 was committed once; somebody went back to 1.0.2, and 1.0.4 is bad now.
  facts.highest_committed = {1, 4};
  facts.bad = {entry(4).content};
  EXPECT_EQ(answer(), "held 1.0.4");
  facts.highest_committed = {1, 9};
  facts.bad.clear();
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("behind 1.9");
}

TEST_F(DecisionTest, WhatWasCommittedBeforeMayComeAgain) {
  facts.highest_committed = {1, 4};
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, AnOldReleaseStepsThroughTheOneItMay) {
  be_on(1);
  entry(4).minimum_version = "1.0.3";
  EXPECT_EQ(answer(), "wanted 1.0.3");
  be_on(3);
  EXPECT_EQ(answer(), "wanted 1.0.4");
  be_on(1);
  unlisted = {2, 3};
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("only 1.0.3 and newer may step to it");
}

TEST_F(DecisionTest, AnEmptyMachineNeedsNoStep) {
  facts.installed.reset();
  facts.installed_version.reset();
  facts.highest_committed = {1, 0};
  entry(4).minimum_version = "1.0.3";
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, RingsComeBeforePermille) {
  item(4).rings = {"canary", "early"};
  EXPECT_EQ(answer(), "wanted 1.0.3");
  be_on(3);
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("this machine is in none");
  facts.ring = "late";
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("for other rings so far than late");
  facts.ring = "early";
  EXPECT_EQ(answer(), "wanted 1.0.4");
  item(4).permille = 0;
  EXPECT_EQ(answer(), "held 1.0.4") << "both must let it go";
  item(4).permille = 1000;
  item(4).paused = true;
  EXPECT_EQ(answer(), "held 1.0.4");
}

TEST_F(DecisionTest, RingsHoldAnUrgentReleaseNoLongerThanMaxHoldDays) {
  be_on(3);
  entry(4).urgent = true;
  entry(4).not_before = kNow;
  item(4).permille = 0;
  item(4).rings = {"canary"};
  EXPECT_EQ(answer(), "held 1.0.4");
  facts.ring = "canary";
  EXPECT_EQ(answer(), "wanted 1.0.4") << "urgent skips the permille";
  facts.ring = "late";
  facts.now = kNow + days(entry(4).max_hold_days);
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, AFirstInstallationHasNothingToJumpFrom) {
  facts.installed.reset();
  facts.installed_version.reset();
  facts.highest_committed = {1, 0};
  entry(4).counter.n = 1 + 2 * kLargestCounterJump;
  EXPECT_EQ(answer(), "wanted 1.0.4");
  facts.highest_committed = {1, 1};
  EXPECT_EQ(answer(), "wanted 1.0.3") << "something was committed here once";
  facts.highest_committed = {1, 0};
  be_on(2);
  facts.highest_committed = {1, 0};
  EXPECT_EQ(answer(), "wanted 1.0.3") << "something is installed";
}

TEST_F(DecisionTest, ACounterMayNotJumpTooFar) {
  entry(4).counter.n = 2 + kLargestCounterJump;
  EXPECT_EQ(answer(), "wanted 1.0.4");
  entry(4).counter.n = 3 + kLargestCounterJump;
  EXPECT_EQ(answer(), "wanted 1.0.3");
  be_on(3);
  facts.highest_committed = {1, 2};
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("jumps too far");
}

TEST_F(DecisionTest, TheHighestCounterThereIsDoesNoHarm) {
  entry(4).counter.n = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(answer(), "wanted 1.0.3");
}

TEST_F(DecisionTest, ARaisedEpochRecoversFromAForgedCounter) {
  facts.installed = facts.highest_committed = {1, 9'000};
  entry(4).counter = {2, 1};
  facts.epoch = 2;
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST_F(DecisionTest, ReleaseKeysCannotRaiseTheEpochThemselves) {
  entry(4).counter = {2, 1};
  EXPECT_EQ(answer(), "wanted 1.0.3");
  facts.epoch = 2;
  EXPECT_EQ(answer(), "wanted 1.0.4");
}

TEST(RolloutPlaces, AreFixed) {
  // Computed apart, by another program: changing this would move every machine of a running rollout.
  EXPECT_EQ(rollout_place("00ff", "machine-1"), 607);
  EXPECT_EQ(rollout_place("", ""), 192);
  EXPECT_NE(rollout_place("a", "bc"), rollout_place("ab", "c"));
}

TEST(RolloutPlaces, AreSpreadEvenly) {
  std::array<int, 10> tenths{};
  for (int i = 0; i < 10'000; ++i) {
    const auto place = rollout_place("salt", "machine-" + std::to_string(i));
    ASSERT_GE(place, 0);
    ASSERT_LT(place, 1000);
    ++tenths.at(static_cast<std::size_t>(place / 100));
  }
  for (const int count : tenths) EXPECT_NEAR(count, 1000, 150);
}

TEST(RolloutPlaces, DifferByRelease) {
  int same = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto id = std::to_string(i);
    if ((rollout_place("one", id) < 100) == (rollout_place("two", id) < 100)) ++same;
  }
  EXPECT_LT(same, 900) << "not always the same machines go first";
}

/// The machine follows nightly builds: which of the two indexes answers.
TEST_F(DecisionTest, OfReleasesAndNightlyBuildsTheHigherCounterIsWanted) {
  facts.accepts_prerelease = true;
  auto nightlies = index;
  nightlies.entries = {make(5, "1.1.0-nightly.5")};
  const auto with_nightlies = [&](bool rolled_out) {
    auto filter = rollout();
    if (rolled_out)
      filter.items.push_back({nightlies.entries[0].counter, nightlies.entries[0].digest(), 1000, false, ""});
    return brief(decide_with_nightlies(index, nightlies, filter, facts, 1));
  };
  EXPECT_EQ(with_nightlies(true), "wanted 1.1.0-nightly.5");
  EXPECT_EQ(with_nightlies(false), "wanted 1.0.4");
  be_on(4);
  EXPECT_EQ(with_nightlies(false), "held 1.1.0-nightly.5");
  nightlies.entries = {make(3, "1.1.0-nightly.3")};
  EXPECT_EQ(with_nightlies(true), "current");
  be_on(2);
  EXPECT_EQ(with_nightlies(true), "wanted 1.0.4");
  nightlies.entries.clear();
  EXPECT_EQ(brief(decide_with_nightlies(index, nightlies, rollout(), facts, 1)), "wanted 1.0.4");
}

TEST_F(DecisionTest, NightlyBuildsAnswerToTheFloorAndEpochOfReleases) {
  facts.accepts_prerelease = true;
  auto nightlies = index;
  nightlies.entries = {make(5, "1.1.0-nightly.5")};
  index.floor = {1, 6};
  nightlies.floor = {1, 0};
  auto filter = rollout();
  filter.items.push_back({nightlies.entries[0].counter, nightlies.entries[0].digest(), 1000, false, ""});
  EXPECT_EQ(brief(decide_with_nightlies(index, nightlies, filter, facts, 1)), "held 1.0.4");
  index.floor = {1, 0};
  nightlies.entries[0].counter = {2, 1};
  filter.items.back() = {nightlies.entries[0].counter, nightlies.entries[0].digest(), 1000, false, ""};
  EXPECT_EQ(brief(decide_with_nightlies(index, nightlies, filter, facts, 2)), "wanted 1.0.4");
  facts.epoch = 2;
  EXPECT_EQ(brief(decide_with_nightlies(index, nightlies, filter, facts, 2)), "wanted 1.1.0-nightly.5");
  EXPECT_EQ(brief(decide_with_nightlies(index, nightlies, filter, facts, 1)), "wanted 1.0.4");
}

}  // namespace
}  // namespace upswarm::trust
