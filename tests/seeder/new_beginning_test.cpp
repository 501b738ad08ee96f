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

}  // namespace
}  // namespace upswarm::seeder
