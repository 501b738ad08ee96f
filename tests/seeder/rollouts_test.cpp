#include "seeder/rollouts.hpp"

#include <algorithm>

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

/// An index of very many releases, or nightly builds, whose filters are as long as they may be.
trust::Index long_index(std::int64_t entries, const std::string& suffix = "") {
  trust::Index index{.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 0}, .entries = {}};
  for (std::int64_t n = 1; n <= entries; ++n) {
    trust::Entry entry;
    entry.counter = {1, n};
    entry.version = std::to_string(n) + ".0.0" + suffix;
    index.entries.push_back(std::move(entry));
  }
  return index;
}

class LongRolloutTest : public testing::Test {
 protected:
  void roll_out(const trust::Index& index, std::size_t n, const std::string& reason = "") {
    const auto& entry = index.entries.at(n - 1);
    const RolloutWish wish{"app", "stable", "linux-x64", {entry.counter, entry.digest(), 1000, false, reason}};
    const auto applied = apply_wish(rollouts, wish, indexes, Steering::first_filter);
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_TRUE(*applied);
    const auto bytes = upswarm::to_text(trust::to_json(rollout()));
    ASSERT_LE(Bytes{bytes.size()}, trust::kLongestRollout);
    ASSERT_TRUE(trust::parse_rollout(bytes, "rollout"));
    EXPECT_TRUE(has(index, n)) << "the wish's own is never dropped";
  }
  /// As if these had been rolled out.
  void fill(std::size_t first, std::size_t last) { fill(*indexes.releases, first, last); }
  void fill(const trust::Index& index, std::size_t first, std::size_t last) {
    auto& filled = rollouts["rollout/app/stable.linux-x64.json"];
    for (auto n = first; n <= last; ++n) {
      const auto& entry = index.entries.at(n - 1);
      filled.items.push_back({entry.counter, entry.digest(), 1000, false, ""});
    }
  }
  const trust::Rollout& rollout() { return rollouts.begin()->second; }
  bool has(const trust::Index& index, std::size_t n) {
    return std::ranges::find(rollout().items, index.entries.at(n - 1).digest(), &trust::RolloutItem::entry) !=
           rollout().items.end();
  }
  FilteredIndexes indexes{.releases = long_index(500), .nightlies = long_index(500, "-nightly")};
  Rollouts rollouts;
};

TEST_F(LongRolloutTest, DropsTheOldestFilters) {
  fill(2, 430);
  for (std::size_t n = 431; n <= 500; ++n) ASSERT_NO_FATAL_FAILURE(roll_out(*indexes.releases, n));
  EXPECT_FALSE(has(*indexes.releases, 2));
  EXPECT_GT(rollout().items.size(), 400U);
  EXPECT_TRUE(has(*indexes.releases, 501 - rollout().items.size())) << "no more than need be";
  roll_out(*indexes.releases, 1);
  EXPECT_TRUE(has(*indexes.releases, 500));
}

TEST_F(LongRolloutTest, DropsNightlyBuildsBeforeReleases) {
  roll_out(*indexes.releases, 1);
  fill(*indexes.nightlies, 2, 430);
  for (std::size_t n = 431; n <= 450; ++n) ASSERT_NO_FATAL_FAILURE(roll_out(*indexes.nightlies, n));
  EXPECT_TRUE(has(*indexes.releases, 1)) << "whatever the key of nightly builds does";
  roll_out(*indexes.releases, 500);
  EXPECT_TRUE(has(*indexes.releases, 1)) << "nor does the next release hold the one before";
}

TEST_F(LongRolloutTest, DropsWhatIsBelowTheFloorFirst) {
  fill(1, 400);
  indexes.releases->floor = {1, 300};
  roll_out(*indexes.releases, 401);
  EXPECT_EQ(rollout().items.size(), 401U) << "not before it must be";
  fill(402, 500);
  roll_out(*indexes.releases, 1);
  EXPECT_FALSE(has(*indexes.releases, 2));
  EXPECT_TRUE(has(*indexes.releases, 300));
}

TEST_F(LongRolloutTest, NightlyBuildsTakeTheFiltersOfNightlyBuildsFirst) {
  roll_out(*indexes.releases, 1);
  const std::string reason(trust::kLongestReason, '"');
  for (std::size_t n = 2; n <= 100; ++n) ASSERT_NO_FATAL_FAILURE(roll_out(*indexes.nightlies, n, reason));
  EXPECT_TRUE(has(*indexes.releases, 1));
  EXPECT_FALSE(has(*indexes.nightlies, 2));
}

}  // namespace
}  // namespace upswarm::seeder
