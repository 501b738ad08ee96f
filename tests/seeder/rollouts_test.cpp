#include "seeder/rollouts.hpp"

#include <gtest/gtest.h>

#include "seeder/rollout_change.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

/// 1.0.0 and 1.1.0 are out, to everybody.
class RolloutsTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.add_release("1.1.0", "the second package");
    take_in("0001", {world.wish(0, 1000), world.wish(1, 1000)});
  }

  std::string reason(const std::string& name) {
    return world.is_there("rejected/" + name) ? world.folder.read("rejected/" + name + "/reason.txt")
                                              : "it was not rejected";
  }
  void take_in(const std::string& name, const std::vector<RolloutWish>& wishes = {}) {
    world.write_bundle(name, wishes);
    ASSERT_EQ(world.incoming().poll()->taken, 1) << reason(name);
  }
  void refuse(const std::string& name, const std::vector<RolloutWish>& wishes) {
    world.write_bundle(name, wishes);
    ASSERT_EQ(world.incoming().poll()->refused, 1);
  }
  /// 1.1.0 is withdrawn, or stands again; for the next bundle.
  void withdraw() {
    world.index.withdrawn = {{.counter = {1, 2}, .go_back_to = {{1, 1}}, .reason = "it eats files"}};
    world.resign_index();
    ++world.release.version;
  }
  void let_stand() {
    world.index.withdrawn.clear();
    world.resign_index();
    ++world.release.version;
  }
  /// The counters that have a filter.
  std::vector<std::int64_t> filtered() {
    FolderSource source(system_files(), {world.place.repository()});
    const auto rollouts = read_rollouts(world.view().roles.at("rollout"), source);
    EXPECT_TRUE(rollouts) << rollouts.error().message();
    std::vector<std::int64_t> counters;
    for (const auto& item : rollouts->at("rollout/app/stable.linux-x64.json").items) counters.push_back(item.counter.n);
    return counters;
  }

  tests::SeederWorld world;
};

using Counters = std::vector<std::int64_t>;

TEST_F(RolloutsTest, AWithdrawnReleaseIsHeldWhenItStandsAgain) {
  withdraw();
  take_in("0002");
  EXPECT_EQ(filtered(), (Counters{1}));
  let_stand();
  take_in("0003");
  EXPECT_EQ(filtered(), (Counters{1}));
  take_in("0004", {world.wish(1, 100)});
  EXPECT_EQ(filtered(), (Counters{1, 2}));
}

TEST_F(RolloutsTest, AReleaseMayStandAgainAndBeRolledOutInOneBundle) {
  withdraw();
  take_in("0002");
  let_stand();
  take_in("0003", {world.wish(1, 100)});
  EXPECT_EQ(filtered(), (Counters{1, 2}));
}

TEST_F(RolloutsTest, RefusesAWishForAWithdrawnRelease) {
  withdraw();
  take_in("0002");
  refuse("0003", {world.wish(1, 1000)});
  EXPECT_NE(reason("0003").find("it is withdrawn (it eats files)"), std::string::npos) << reason("0003");
  EXPECT_NE(reason("0003").find("reason: withdrawn"), std::string::npos) << reason("0003");
  const auto asked =
      make_wish(system_files(), world.place, {"app", "stable", "linux-x64", "1.1.0", {1000}, {}, "it is good"});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().reason, "withdrawn");
  EXPECT_NE(asked.error().message().find("it eats files"), std::string::npos) << asked.error().message();
}

/// As `upswarm-publish hand-over --all` makes it, when the rollout still waited and the release was withdrawn since.
TEST_F(RolloutsTest, PassesOverAWishThatComesWithTheWithdrawal) {
  withdraw();
  take_in("0002", {world.wish(0, 500), world.wish(1, 500)});
  EXPECT_EQ(filtered(), (Counters{1}));
}

TEST_F(RolloutsTest, TheIndexOfNightlyBuildsWithdrawsNoRelease) {
  FilteredIndexes indexes{.releases = world.index, .nightlies = world.index};
  indexes.nightlies->withdrawn = {{.counter = {1, 1}}};
  EXPECT_EQ(indexes.withdrawal_of(world.wish(0, 0).item), nullptr);
  indexes.releases->entries.clear();
  EXPECT_NE(indexes.withdrawal_of(world.wish(0, 0).item), nullptr);
}

TEST_F(RolloutsTest, ANightlyWithTheCounterOfAReleaseHasAFilterOfItsOwn) {
  FilteredIndexes indexes{.releases = world.index, .nightlies = world.index};
  for (auto& entry : indexes.nightlies->entries) entry.version += "-nightly";
  const auto wish = world.wish(1, 1000);
  auto nightly = wish;
  nightly.item.entry = indexes.nightlies->entries[1].digest();
  nightly.item.permille = 10;
  Rollouts rollouts;
  EXPECT_TRUE(apply_wish(rollouts, nightly, indexes, Steering::first_filter).value());
  EXPECT_TRUE(apply_wish(rollouts, wish, indexes, Steering::first_filter).value());
  EXPECT_FALSE(apply_wish(rollouts, nightly, indexes, Steering::first_filter).value()) << "it is so already";
  EXPECT_EQ(rollouts.begin()->second.items.size(), 2U);
  nightly.item.entry = sha256("another");
  EXPECT_EQ(apply_wish(rollouts, nightly, indexes, Steering::any).error().reason, "entry");
}

}  // namespace
}  // namespace upswarm::seeder
