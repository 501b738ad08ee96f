#include "seeder/role_lives.hpp"

#include <gtest/gtest.h>

#include "seeder/status.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

class RoleLivesTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001", {world.wish(0, 1000)});
    ASSERT_EQ(world.incoming().poll()->taken, 1);
  }
  /// Signs what is due on the way, as the service does.
  void advance(hours by) {
    for (auto left = by; left > hours(0); left -= hours(12)) {
      world.clock.advance(hours(12));
      ASSERT_TRUE(world.incoming().sign(Signing::due));
    }
  }
  RoleLife life(const std::string& role) {
    for (const auto& one : world.incoming().lives()) {
      if (one.role == role) return one;
    }
    ADD_FAILURE() << role << " is not there";
    return {};
  }
  std::string state(const std::string& role) { return name_of(life(role).state_at(world.clock.now())); }

  tests::SeederWorld world;
};

TEST_F(RoleLivesTest, EveryRoleIsListed) {
  for (const auto* role : {"root", "targets", "rel-app", "rollout", "snapshot", "timestamp"})
    EXPECT_EQ(state(role), "ok");
}

TEST_F(RoleLivesTest, AnOfflineRoleIsToBeRenewedAtHalfOfItsLife) {
  world.clock.advance(hours(24 * 90) - seconds(1));
  EXPECT_EQ(state("rel-app"), "ok");
  world.clock.advance(seconds(1));
  EXPECT_EQ(state("rel-app"), "renew");
  EXPECT_EQ(life("rel-app").days_left_at(world.clock.now()), 90);
  EXPECT_EQ(state("root"), "ok");
  world.clock.advance(hours(24 * 90));
  EXPECT_EQ(state("rel-app"), "expired");
  EXPECT_EQ(life("rel-app").days_left_at(world.clock.now() + seconds(1)), -1);
}

TEST_F(RoleLivesTest, OnlineRolesAreRenewedByTheSeederItself) {
  advance(hours(24 * 20));
  for (const auto* role : {"rollout", "snapshot", "timestamp"}) EXPECT_EQ(state(role), "ok");
}

TEST_F(RoleLivesTest, ALifeBeginsWhenTheVersionCame) {
  advance(hours(24 * 60));
  world.start();
  EXPECT_EQ(life("rel-app").since, world.clock.now() - days(60)) << "a restart is no new life";
  world.release.expires = world.clock.now() + days(40);
  ++world.release.version;
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  EXPECT_EQ(life("rel-app").since, world.clock.now());
  EXPECT_EQ(state("rel-app"), "ok");
  advance(hours(24 * 20));
  EXPECT_EQ(state("rel-app"), "renew");
}

TEST_F(RoleLivesTest, StatusSaysIt) {
  world.clock.advance(days(100));
  const auto status = describe_repository(system_files(), world.place, world.database(), world.clock.now());
  ASSERT_TRUE(status);
  for (const auto& role : status->at("roles")) {
    if (role.at("role") != "targets") continue;
    EXPECT_EQ(role.at("state"), "renew");
    EXPECT_EQ(role.at("days_left"), 80);
  }
  EXPECT_NE(to_text(*status).find("RENEW: 80 days left"), std::string::npos) << to_text(*status);
}

TEST_F(RoleLivesTest, WarnsWhenItBeginsAndThenOnceADay) {
  LifeWarnings warnings;
  std::vector<RoleLife> lives{{"rel-app", 1, world.clock.now(), world.clock.now() + days(100)}};
  EXPECT_EQ(warnings.look(lives, world.clock.now() + days(50) - seconds(1)), 0);
  EXPECT_EQ(warnings.look(lives, world.clock.now() + days(50)), 1);
  EXPECT_EQ(warnings.look(lives, world.clock.now() + days(50) + hours(23)), 0);
  EXPECT_EQ(warnings.look(lives, world.clock.now() + days(51)), 1);
  EXPECT_EQ(warnings.look(lives, world.clock.now() + days(100)), 1) << "it has expired";
  lives[0] = {"rel-app", 2, world.clock.now() + days(100), world.clock.now() + days(200)};
  EXPECT_EQ(warnings.look(lives, world.clock.now() + days(101)), 0) << "renewed";
}

}  // namespace
}  // namespace upswarm::seeder
