#include "tests/protocol/trust/decision_fixture.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;
using std::chrono::hours;

/// 1.0.4 is withdrawn in favour of 1.0.2, and the machine runs it.
class WithdrawalTest : public DecisionTest {
 protected:
  WithdrawalTest() {
    be_on(4);
    index.withdrawn = {{.counter = {1, 4}, .go_back_to = ReleaseCounter{1, 2}, .reason = "it eats files"}};
  }
};

TEST_F(WithdrawalTest, TheMachineGoesBackThoughItCommittedHigherAndNoFilterSaysSo) {
  EXPECT_EQ(answer(), "wanted 1.0.2");
  expect_reason("1.0.4 was withdrawn: it eats files; it goes back to 1.0.2");
  EXPECT_EQ(brief(decide(index, std::nullopt, facts)), "wanted 1.0.2");
  item(2).paused = true;
  entry(2).minimum_version = "9.0.0";
  EXPECT_EQ(answer(), "wanted 1.0.2");
}

TEST_F(WithdrawalTest, NothingLeadsToWhatRequiresTheUnknown) {
  auto later = to_json(entry(2));
  later["requires"] = {"oracle-health"};
  entry(2) = *parse_entry(later, "entry");
  EXPECT_EQ(answer(), "held 1.0.2");
  expect_reason("needs a newer installer: oracle-health");
}

TEST_F(WithdrawalTest, WhoWentBackStaysThere) {
  be_on(2);
  facts.highest_committed = {1, 4};
  index.entries.erase(index.entries.begin() + 2);
  EXPECT_EQ(answer(), "current") << "what is withdrawn is as if it were not there";
}

TEST_F(WithdrawalTest, WhoDoesNotHaveItNeverGetsIt) {
  be_on(1);
  EXPECT_EQ(answer(), "wanted 1.0.3");
  entry(4).urgent = true;
  entry(4).not_before = kNow - days(100);
  EXPECT_EQ(answer(), "wanted 1.0.3") << "an urgent one neither";
}

TEST_F(WithdrawalTest, SomethingNewerIsBetterThanGoingBack) {
  index.entries.push_back(make(5, "1.0.5"));
  EXPECT_EQ(answer(), "wanted 1.0.5");
  item(5).permille = 0;
  EXPECT_EQ(answer(), "wanted 1.0.2") << "but going back is better than waiting";
}

TEST_F(WithdrawalTest, WithoutAWayBackTheMachineKeepsIt) {
  index.withdrawn[0].go_back_to.reset();
  EXPECT_EQ(answer(), "current");
  be_on(3);
  EXPECT_EQ(answer(), "current");
}

TEST_F(WithdrawalTest, TheOthersGoNowhere) {
  be_on(3);
  EXPECT_EQ(answer(), "current");
  be_on(9);
  EXPECT_EQ(answer(), "current");
}

TEST_F(WithdrawalTest, NothingLeadsBelowTheFloorNorToWhatFailedHere) {
  index.floor = {1, 3};
  EXPECT_EQ(answer(), "held 1.0.2");
  expect_reason("1.0.2 is to take its place, but it is below the floor 1.3");
  index.floor = {1, 0};
  facts.floor = {1, 3};
  EXPECT_EQ(answer(), "held 1.0.2") << "a floor that was seen once, though the index has none now";
  facts.floor = {1, 0};
  facts.bad = {entry(2).content};
  EXPECT_EQ(answer(), "held 1.0.2");
  facts.bad.clear();
  entry(2).not_before = kNow + hours(1);
  EXPECT_EQ(answer(), "held 1.0.2");
  entry(2).not_before.reset();
  entry(2).version = "1.0.2-rc.1";
  EXPECT_EQ(answer(), "held 1.0.2-rc.1");
  facts.accepts_prerelease = true;
  EXPECT_EQ(answer(), "wanted 1.0.2-rc.1");
}

TEST_F(WithdrawalTest, ANightlyBuildGoesBackWithinItsOwnIndex) {
  auto nightlies = index;
  index.entries.resize(1);
  index.withdrawn.clear();
  const auto ask_both = [&] { return brief(decide_with_nightlies(index, nightlies, rollout(), facts, 1)); };
  EXPECT_EQ(ask_both(), "wanted 1.0.2");
  index.floor = {1, 3};
  EXPECT_EQ(ask_both(), "held 1.0.2") << "the floor of the releases";
}

TEST_F(WithdrawalTest, AReleaseIsWithdrawnFromThoseWhoFollowNightlyBuilds) {
  auto nightlies = index;
  nightlies.entries.resize(1);
  nightlies.withdrawn.clear();
  EXPECT_EQ(brief(decide_with_nightlies(index, nightlies, rollout(), facts, 1)), "wanted 1.0.2");
}

TEST_F(WithdrawalTest, AnotherContentUnderTheSameCounterIsAnotherRelease) {
  facts.content = sha256("a nightly build");
  EXPECT_EQ(answer(), "current");
  facts.content = entry(4).content;
  EXPECT_EQ(answer(), "wanted 1.0.2");
}

TEST_F(WithdrawalTest, WhoKeepsItIsToldWhy) {
  index.withdrawn[0].go_back_to.reset();
  EXPECT_EQ(answer(), "current");
  expect_reason("1.0.4 was withdrawn: it eats files; there is nothing newer");
}

TEST_F(DecisionTest, AnotherContentUnderTheVersionOfWhatRunsIsHeldAndNotBlamed) {
  facts.content = sha256("a nightly build");
  facts.installed_version = "1.0.4";
  EXPECT_EQ(answer(), "wanted 1.0.3");
  unlisted = {3};
  EXPECT_EQ(answer(), "held 1.0.4");
  expect_reason("each content needs a version of its own");
  facts.content = entry(4).content;
  EXPECT_EQ(answer(), "wanted 1.0.4") << "the same release under a higher counter";
}

}  // namespace
}  // namespace upswarm::trust
