#include "seeder/online_signing.hpp"

#include <algorithm>

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

  /// One client that remembers what it saw.
  Result<void> client_refreshes() {
    FolderSource source(system_files(), {world.place.repository()});
    UPSWARM_TRY(auto store, trust::TrustStore::open(system_files(), clients.path() / "client"));
    UPSWARM_CHECK(store.place_first_root(world.metadata("1.root.json"), trust::ed25519_verifier()));
    trust::TrustClient client(store, source, trust::ed25519_verifier(), world.clock);
    UPSWARM_CHECK(client.refresh());
    UPSWARM_CHECK(client.fetch("rollout/app/stable.linux-x64.json", trust::kLongestRollout));
    return {};
  }

  /// Everything of the seeder, as `cp -a` of a stopped one.
  void take_backup() {
    world.stop();
    std::filesystem::copy(world.folder.path(), clients.path() / "backup", std::filesystem::copy_options::recursive);
    world.start();
  }
  void put_backup_back() {
    world.stop();
    for (const auto& entry : std::filesystem::directory_iterator(world.folder.path()))
      std::filesystem::remove_all(entry.path());
    std::filesystem::copy(clients.path() / "backup", world.folder.path(), std::filesystem::copy_options::recursive);
    world.start();
  }

  tests::SeederWorld world;
  tests::TemporaryFolder clients;
};

TEST_F(OnlineSigningTest, DoesNothingWhileNothingIsDue) {
  world.clock.advance(std::chrono::minutes(59));
  EXPECT_FALSE(world.incoming().must_sign());
  EXPECT_FALSE(world.incoming().sign(Signing::due).value());
}

TEST_F(OnlineSigningTest, SignsTheTimestampEveryHour) {
  const auto before = world.timestamp();
  const auto snapshot = snapshot_version();
  world.clock.advance(std::chrono::minutes(60));
  EXPECT_TRUE(world.incoming().must_sign());
  EXPECT_TRUE(world.incoming().sign(Signing::due).value());
  EXPECT_GT(world.timestamp().version, before.version);
  EXPECT_EQ(world.timestamp().expires, world.clock.now() + std::chrono::hours(24));
  EXPECT_EQ(snapshot_version(), snapshot);
}

TEST_F(OnlineSigningTest, SignsSnapshotAndRolloutAtHalfLife) {
  const auto snapshot = snapshot_version();
  const auto rollout = rollout_version();
  world.clock.advance(std::chrono::hours(84) - std::chrono::seconds(1));
  EXPECT_TRUE(world.incoming().sign(Signing::due).value()) << "the timestamp";
  EXPECT_EQ(snapshot_version(), snapshot);
  EXPECT_EQ(rollout_version(), rollout);
  world.clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(world.incoming().must_sign());
  EXPECT_TRUE(world.incoming().sign(Signing::due).value());
  EXPECT_GT(snapshot_version(), snapshot);
  EXPECT_GT(rollout_version(), rollout);
  EXPECT_EQ(world.view().snapshot->expires, world.clock.now() + std::chrono::hours(7 * 24));
}

TEST_F(OnlineSigningTest, AVersionIsTheTimeOfSigning) {
  world.clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  const auto now = world.clock.now().time_since_epoch().count();
  EXPECT_EQ(world.timestamp().version, now);
  EXPECT_EQ(snapshot_version(), now);
  EXPECT_EQ(rollout_version(), now);
}

TEST_F(OnlineSigningTest, RaisesVersionsWithinASecondAndAcrossARestart) {
  const auto before = world.timestamp().version;
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_EQ(world.timestamp().version, before + 1);
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_EQ(world.timestamp().version, before + 2);
}

TEST_F(OnlineSigningTest, RaisesVersionsWhenTheClockIsSetBack) {
  const auto before = world.timestamp().version;
  world.clock.advance(std::chrono::hours(-48));
  ASSERT_TRUE(world.start().sign(Signing::all).value());
  EXPECT_EQ(world.timestamp().version, before + 1);
  EXPECT_EQ(snapshot_version(), before + 1);
  EXPECT_EQ(rollout_version(), before + 1);
}

TEST_F(OnlineSigningTest, ClientsGoOnAfterEverythingWasPutBackFromABackup) {
  ASSERT_TRUE(client_refreshes());
  world.clock.advance(std::chrono::minutes(5));
  take_backup();
  world.clock.advance(std::chrono::hours(90));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  ASSERT_TRUE(client_refreshes());
  const auto seen = world.timestamp().version;
  world.clock.advance(std::chrono::minutes(1));
  put_backup_back();
  ASSERT_LT(world.timestamp().version, seen);
  const auto refused = client_refreshes();
  ASSERT_FALSE(refused) << "the backup itself is older than what the client saw";
  EXPECT_EQ(refused.error().reason, "rollback");
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  const auto accepted = client_refreshes();
  EXPECT_TRUE(accepted) << accepted.error().message();
  EXPECT_GT(world.timestamp().version, seen);
}

TEST_F(OnlineSigningTest, SignsAnewWhatAClockAheadSigned) {
  const auto right = world.clock.now();
  world.clock.advance(kLongestSilence);
  ASSERT_TRUE(world.incoming().sign(Signing::due).value());
  const auto ahead = world.timestamp();
  world.clock.set(right);
  EXPECT_TRUE(world.incoming().must_sign());
  ASSERT_TRUE(world.incoming().sign(Signing::due).value());
  EXPECT_EQ(world.timestamp().version, ahead.version + 1) << "clients saw the higher one";
  EXPECT_EQ(world.timestamp().expires, right + std::chrono::hours(24));
  EXPECT_EQ(world.view().snapshot->expires, right + std::chrono::hours(24 * 7));
  EXPECT_EQ(world.view().roles.at("rollout").content.expires, right + std::chrono::hours(24 * 7));
  EXPECT_FALSE(world.incoming().must_sign());
}

TEST_F(OnlineSigningTest, ALittleBackIsNoReasonToSign) {
  world.clock.advance(std::chrono::minutes(-10));
  EXPECT_FALSE(world.incoming().must_sign());
  world.clock.advance(std::chrono::seconds(-1));
  EXPECT_TRUE(world.incoming().must_sign());
}

TEST_F(OnlineSigningTest, SignsNothingByAClockThatIsFarAhead) {
  const auto before = world.metadata("timestamp.json");
  world.clock.advance(kLongestSilence + std::chrono::seconds(1));
  const auto done = world.incoming().sign(Signing::due);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "clock");
  EXPECT_NE(done.error().message().find("sign-once"), std::string::npos);
  world.write_bundle("0002", {world.wish(0, 500)});
  EXPECT_EQ(world.incoming().poll()->waiting, 1) << "it is not the bundle's fault";
  EXPECT_EQ(world.metadata("timestamp.json"), before);
}

TEST_F(OnlineSigningTest, SignsAfterALongSilenceWhenSomebodyLookedAtTheClock) {
  world.clock.advance(kLongestSilence * 4);
  world.incoming().trust_clock();
  ASSERT_TRUE(world.incoming().sign(Signing::all).value());
  world.start();
  world.clock.advance(std::chrono::hours(1));
  EXPECT_TRUE(world.incoming().sign(Signing::due).value()) << "from here on it goes by itself";
}

TEST_F(OnlineSigningTest, SignsNothingWhenTheOfflineRolesHaveExpired) {
  world.incoming().trust_clock();
  const auto before = world.metadata("timestamp.json");
  world.clock.set(world.targets.expires - std::chrono::seconds(1));
  EXPECT_TRUE(world.incoming().sign(Signing::all).value());
  const auto last = world.metadata("timestamp.json");
  EXPECT_NE(last, before);
  world.clock.set(world.targets.expires);
  const auto done = world.incoming().sign(Signing::all);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "expired");
  EXPECT_NE(done.error().message().find("targets"), std::string::npos);
  EXPECT_EQ(world.metadata("timestamp.json"), last);
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
  EXPECT_GT(world.timestamp().version, timestamp);
  EXPECT_GT(snapshot_version(), snapshot);
}

/// While both keys count, the new one comes; what the old one signed is gone before it counts no more.
TEST_F(OnlineSigningTest, AReplacedRolloutKeySignsAnewWithTheNextBundle) {
  const auto rollout = rollout_version();
  const auto old_id = world.rollout_key.id();
  world.rollout_key = trust::SigningKey::generate();
  auto& delegations = world.targets.delegations;
  auto& role = *std::ranges::find(delegations.roles, "rollout", &trust::DelegatedRole::name);
  delegations.keys[world.rollout_key.id()] = world.rollout_key.public_key();
  role.keys.key_ids.push_back(world.rollout_key.id());
  ++world.targets.version;
  world.write_bundle("both");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  EXPECT_EQ(rollout_version(), rollout) << "the seeder does not have it yet";
  world.write_online_keys();
  std::erase(role.keys.key_ids, old_id);
  ++world.targets.version;
  world.write_bundle("new alone");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  EXPECT_GT(rollout_version(), rollout);
  EXPECT_TRUE(client_refreshes());
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
  ASSERT_TRUE(apply_wish(rollouts, world.wish(0, 100), {.releases = index}, Steering::any).value());
  auto next = index.entries[0];
  next.counter.n = 2;
  next.version = "2.0.0";
  index.entries = {next};
  const RolloutWish wish{
      "app",
      "stable",
      "linux-x64",
      {.counter = next.counter, .entry = next.digest(), .permille = 1000, .paused = false, .reason = ""}};
  EXPECT_TRUE(apply_wish(rollouts, wish, {.releases = index}, Steering::first_filter).value());
  ASSERT_EQ(rollouts.begin()->second.items.size(), 1U);
  EXPECT_EQ(rollouts.begin()->second.items[0].counter.n, 2);
  EXPECT_FALSE(apply_wish(rollouts, wish, {.releases = index}, Steering::any).value())
      << "the same once more changes nothing";
}

}  // namespace
}  // namespace upswarm::seeder
