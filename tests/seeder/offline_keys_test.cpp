#include "seeder/offline_keys.hpp"

#include <gtest/gtest.h>

#include "protocol/base/hex.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class OfflineKeysTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001", {world.wish(0, 1000)});
    ASSERT_EQ(world.incoming().poll()->taken, 1);
  }
  void put(const std::string& name, const trust::SigningKey& key) {
    world.folder.write("keys/" + name, Json{{"format", 1}, {"type", "ed25519"}, {"seed", to_hex(key.seed())}}.dump(),
                       0600);
  }
  /// Neither a start nor a signature, and the file and the role are named.
  void expect_refused(const std::string& file, const std::string& role) {
    const auto before = world.metadata("timestamp.json");
    const auto done = world.incoming().sign(Signing::all);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::denied);
    EXPECT_EQ(done.error().reason, "offline_key");
    EXPECT_NE(done.error().message().find(file), std::string::npos) << done.error().message();
    EXPECT_NE(done.error().message().find("offline role " + role), std::string::npos) << done.error().message();
    EXPECT_EQ(world.metadata("timestamp.json"), before);
    Incoming again(system_files(), world.place, world.place.keys(), world.database(), world.clock);
    const auto started = again.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().reason, "offline_key");
  }

  tests::SeederWorld world;
};

TEST_F(OfflineKeysTest, TheOnlineKeysAloneAreWelcome) {
  EXPECT_TRUE(world.incoming().sign(Signing::all).value());
  put("of-nobody.key", trust::SigningKey::generate());
  world.folder.write("keys/README", "what lies here");
  EXPECT_TRUE(world.incoming().sign(Signing::all).value());
}

TEST_F(OfflineKeysTest, ARootKeyIsRefused) {
  put("root.key", world.root_key);
  expect_refused("root.key", "root");
}

TEST_F(OfflineKeysTest, ATargetsKeyIsRefused) {
  put("spare.key", world.targets_key);
  expect_refused("spare.key", "targets");
}

TEST_F(OfflineKeysTest, AReleaseKeyInAFolderInsideIsRefused) {
  put("old/release.key", world.release_key);
  expect_refused("release.key", "rel-app");
}

TEST_F(OfflineKeysTest, AnEncryptedKeyIsRefusedToo) {
  world.folder.write("keys/targets-1.key.json",
                     Json{{"format", 1}, {"role", "x"}, {"public", world.targets_key.public_key().public_text}}.dump(),
                     0600);
  expect_refused("targets-1.key.json", "targets");
}

TEST_F(OfflineKeysTest, ABundleThatGivesAnOfflineRoleToAnOnlineKeyIsRefused) {
  world.targets.delegations.keys[world.snapshot_key.id()] = world.snapshot_key.public_key();
  world.targets.delegations.roles[0].keys = {{world.release_key.id(), world.snapshot_key.id()}, 1};
  ++world.targets.version;
  world.write_bundle("0002");
  EXPECT_EQ(world.incoming().poll()->refused, 1);
  EXPECT_NE(world.folder.read("rejected/0002/reason.txt").find("offline role rel-app"), std::string::npos);
  EXPECT_TRUE(world.incoming().sign(Signing::all).value()) << "the repository itself is as it was";
}

}  // namespace
}  // namespace upswarm::seeder
