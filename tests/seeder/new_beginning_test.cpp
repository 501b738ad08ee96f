#include "seeder/new_beginning.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

/// A seeder that serves version 5 of rel-app, and an owner whose next file is a lower one.
class NewBeginningTest : public testing::Test {
 protected:
  NewBeginningTest() {
    world.release.version = 4;
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001");
    EXPECT_EQ(world.incoming().poll()->taken, 1);
    world.release.version = 2;
    ++world.targets.version;
  }

  void take_new_release_key() {
    world.release_key = trust::SigningKey::generate();
    world.targets.delegations.keys[world.release_key.id()] = world.release_key.public_key();
    world.targets.delegations.roles[0].keys.key_ids = {world.release_key.id()};
  }
  void raise_epoch() { ++world.targets.delegations.roles[0].epoch; }
  /// As `keys rotate snapshot`: both keys count.
  void add_key(const std::string& role) {
    const auto key = trust::SigningKey::generate();
    world.root.keys[key.id()] = key.public_key();
    world.root.roles[role].key_ids.push_back(key.id());
    ++world.root.version;
  }

  /// Why the owner's bundle is refused; "" when it is taken in.
  std::string refusal() {
    world.resign_index();
    world.write_bundle("0002");
    world.clock.advance(std::chrono::minutes(1));
    const auto count = world.incoming().poll();
    EXPECT_TRUE(count);
    if (count->taken == 1) return "";
    const auto text = world.folder.read("rejected/0002/reason.txt");
    const auto at = text.find("reason: ");
    return at == std::string::npos ? text : text.substr(at + 8, text.find('\n', at) - at - 8);
  }

  tests::SeederWorld world;
};

TEST_F(NewBeginningTest, NewKeysAHigherEpochAndForgetfulClientsAllowALowerVersion) {
  take_new_release_key();
  raise_epoch();
  add_key("snapshot");
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(world.view().roles.at("rel-app").content.version, 2);
}

TEST_F(NewBeginningTest, ANewTimestampKeyMakesClientsForgetAsWell) {
  take_new_release_key();
  raise_epoch();
  add_key("timestamp");
  EXPECT_EQ(refusal(), "");
}

TEST_F(NewBeginningTest, ClientsThatRememberAllowNone) {
  take_new_release_key();
  raise_epoch();
  add_key("root");
  EXPECT_EQ(refusal(), "rollback");
}

TEST_F(NewBeginningTest, TheSameKeysAllowNone) {
  raise_epoch();
  add_key("snapshot");
  EXPECT_EQ(refusal(), "rollback");
}

TEST_F(NewBeginningTest, TheSameEpochAllowsNone) {
  take_new_release_key();
  add_key("snapshot");
  EXPECT_EQ(refusal(), "rollback");
}

/// What an index loses needs a new beginning too, whatever its version.
TEST_F(NewBeginningTest, AnIndexContinuesUnlessItsRoleBeginsAnew) {
  world.release.version = 6;
  world.index.entries.clear();
  world.release.targets.clear();
  take_new_release_key();
  EXPECT_EQ(refusal(), "counter");
  std::filesystem::remove_all(world.folder / "rejected/0002");
  raise_epoch();
  EXPECT_EQ(refusal(), "");
}

/// The timestamp could not be written: the disk was full, or the power failed.
TEST_F(NewBeginningTest, AStopBeforeTheTimestampIsMendedByTheSameBundle) {
  take_new_release_key();
  raise_epoch();
  add_key("snapshot");
  world.resign_index();
  world.write_bundle("0002");
  world.clock.advance(std::chrono::minutes(1));
  const auto in_the_way = world.place.metadata() / "timestamp.json.new";
  std::filesystem::create_directory(in_the_way);
  std::filesystem::create_directory(in_the_way / "full");
  const auto stopped = world.incoming().poll();
  EXPECT_FALSE(stopped && stopped->taken == 1);
  std::filesystem::remove_all(in_the_way);
  world.start();
  const auto count = world.incoming().poll();
  ASSERT_TRUE(count) << count.error().message();
  EXPECT_EQ(count->taken, 1);
  EXPECT_EQ(world.view().roles.at("rel-app").content.version, 2);
}

TEST_F(NewBeginningTest, ANightlyBuildWhoseCounterAReleaseTookIsNoNews) {
  world.release.version = 5;
  world.add_nightly("1.0.1-nightly", "a nightly build", {1, 2});
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0003");
  ASSERT_EQ(world.incoming().poll()->taken, 1) << "it is only logged";
  auto fresh = trust::SigningKey::generate();
  auto& role = world.targets.delegations.roles.back();
  ASSERT_EQ(role.name, "pre-app");
  world.targets.delegations.keys[fresh.id()] = fresh.public_key();
  role.keys.key_ids = {fresh.id()};
  ++role.epoch;
  ++world.targets.version;
  world.nightly_key = std::move(fresh);
  world.add_nightly("1.2.0-nightly", "after the thief", {2, 1});
  world.write_bundle("0004");
  EXPECT_EQ(world.incoming().poll()->taken, 1) << world.folder.read("rejected/0004/reason.txt");
}

}  // namespace
}  // namespace upswarm::seeder
