#include "seeder/online_signing.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class OnlineSigningTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001", {world.wish(0, 1000)});
    ASSERT_EQ(world.incoming().poll()->taken, 1);
  }
  trust::RoleVersion snapshot_version() { return world.view().snapshot->version; }
  trust::RoleVersion rollout_version() { return world.view().roles.at("rollout").content.version; }

  tests::SeederWorld world;
};

TEST_F(OnlineSigningTest, DoesNothingWhileNothingIsDue) {
  world.clock.advance(std::chrono::minutes(59));
  EXPECT_LT(world.clock.now(), world.incoming().next_signing());
  EXPECT_FALSE(world.incoming().sign(Signing::due).value());
}

TEST_F(OnlineSigningTest, SignsTheTimestampEveryHour) {
  const auto before = world.timestamp();
  const auto snapshot = snapshot_version();
  world.clock.advance(std::chrono::minutes(60));
  EXPECT_GE(world.clock.now(), world.incoming().next_signing());
  EXPECT_TRUE(world.incoming().sign(Signing::due).value());
  EXPECT_EQ(world.timestamp().version, before.version + 1);
  EXPECT_EQ(world.timestamp().expires, world.clock.now() + std::chrono::hours(24));
  EXPECT_EQ(snapshot_version(), snapshot);
}

TEST_F(OnlineSigningTest, SignsSnapshotAndRolloutAtHalfLife) {
  const auto snapshot = snapshot_version();
  const auto rollout = rollout_version();
  world.clock.advance(std::chrono::hours(84));
  EXPECT_TRUE(world.incoming().sign(Signing::due).value());
  EXPECT_EQ(snapshot_version(), snapshot + 1);
  EXPECT_EQ(rollout_version(), rollout + 1);
  EXPECT_EQ(world.view().snapshot->expires, world.clock.now() + std::chrono::hours(7 * 24));
}

TEST_F(OnlineSigningTest, RaisesVersionsAcrossARestart) {
  const auto before = world.timestamp().version;
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_EQ(world.timestamp().version, before + 1);
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_EQ(world.timestamp().version, before + 2);
}

TEST_F(OnlineSigningTest, RaisesVersionsAfterLostFiles) {
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  std::filesystem::copy(world.place.repository(), world.folder / "backup", std::filesystem::copy_options::recursive);
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  const auto timestamp = world.timestamp().version;
  const auto snapshot = snapshot_version();
  std::filesystem::remove_all(world.place.repository());
  std::filesystem::rename(world.folder / "backup", world.place.repository());
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_GT(world.timestamp().version, timestamp);
  EXPECT_GT(snapshot_version(), snapshot);
}

TEST_F(OnlineSigningTest, RaisesVersionsAfterALostDatabase) {
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  const auto timestamp = world.timestamp().version;
  const auto snapshot = snapshot_version();
  for (const auto* end : {"", "-wal", "-shm"}) std::filesystem::remove(world.place.database().string() + end);
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_EQ(world.timestamp().version, timestamp + 1);
  EXPECT_EQ(snapshot_version(), snapshot + 1);
}

TEST_F(OnlineSigningTest, RefusesAKeyThatTheRootDoesNotName) {
  world.timestamp_key = trust::SigningKey::generate();
  world.write_online_keys();
  const auto before = world.metadata("timestamp.json");
  const auto done = world.incoming().sign(Signing::all);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::denied);
  EXPECT_NE(done.error().message().find("timestamp.key"), std::string::npos);
  EXPECT_EQ(world.metadata("timestamp.json"), before);
}

TEST_F(OnlineSigningTest, RefusesAKeyThatOthersMayRead) {
  ASSERT_TRUE(system_files().set_mode(world.place.keys() / "rollout.key", 0640));
  const auto done = world.incoming().sign(Signing::all);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "online_key");
}

TEST_F(OnlineSigningTest, HasNothingToSignInAnEmptyRepository) {
  tests::SeederWorld empty;
  EXPECT_FALSE(empty.incoming().sign(Signing::all).value());
}

TEST_F(OnlineSigningTest, DropsFiltersOfReleasesThatLeftTheIndex) {
  Rollouts rollouts;
  auto index = world.index;
  ASSERT_TRUE(apply_wish(rollouts, world.wish(0, 100), index, Steering::any).value());
  auto next = index.entries[0];
  next.counter.n = 2;
  next.version = "2.0.0";
  index.entries = {next};
  const RolloutWish wish{
      "app",
      "stable",
      "linux-x64",
      {.counter = next.counter, .entry = next.digest(), .permille = 1000, .paused = false, .reason = ""}};
  EXPECT_TRUE(apply_wish(rollouts, wish, index, Steering::first_filter).value());
  ASSERT_EQ(rollouts.begin()->second.items.size(), 1U);
  EXPECT_EQ(rollouts.begin()->second.items[0].counter.n, 2);
  EXPECT_FALSE(apply_wish(rollouts, wish, index, Steering::any).value()) << "the same once more changes nothing";
}

}  // namespace
}  // namespace upswarm::seeder
