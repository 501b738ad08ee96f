#include "seeder/rollout_change.hpp"

#include <gtest/gtest.h>

#include "seeder/status.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class RolloutChangeTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001");
    ASSERT_EQ(world.incoming().poll()->taken, 1);
  }
  RolloutChange change(const std::string& version) { return {"app", "stable", "linux-x64", version, {}, {}, ""}; }
  void apply(const RolloutChange& wanted) {
    const auto wish = make_wish(system_files(), world.place, wanted);
    ASSERT_TRUE(wish) << wish.error().message();
    ASSERT_TRUE(*wish);
    ASSERT_TRUE(drop_wish(system_files(), world.place, **wish));
    ASSERT_EQ(world.incoming().poll()->taken, 1);
  }
  Json release() {
    const auto status = describe_repository(system_files(), world.place, world.database(), world.clock.now());
    EXPECT_TRUE(status) << status.error().message();
    return status->at("rollouts").at(0).at("releases").at(0);
  }

  tests::SeederWorld world;
};

TEST_F(RolloutChangeTest, GoesFromHeldToPausedToAll) {
  EXPECT_TRUE(release().at("permille").is_null());
  auto wanted = change("1.0.0");
  wanted.permille = 100;
  apply(wanted);
  EXPECT_EQ(release().at("permille"), 100);
  wanted.permille.reset();
  wanted.paused = true;
  wanted.reason = "it burns";
  apply(wanted);
  EXPECT_EQ(release().at("permille"), 100);
  EXPECT_EQ(release().at("paused"), true);
  EXPECT_EQ(release().at("reason"), "it burns");
  wanted = change("1.0.0");
  wanted.paused = false;
  wanted.permille = 1000;
  apply(wanted);
  EXPECT_EQ(release().at("permille"), 1000);
  EXPECT_EQ(release().at("reason"), "");
  EXPECT_FALSE(*make_wish(system_files(), world.place, wanted)) << "it is so already";
}

TEST_F(RolloutChangeTest, GoesFromRingToRing) {
  auto wanted = change("1.0.0");
  wanted.permille = 1000;
  wanted.rings = {"canary"};
  apply(wanted);
  EXPECT_EQ(release().at("rings"), (Json{"canary"}));
  wanted = change("1.0.0");
  wanted.permille = 500;
  apply(wanted);
  EXPECT_EQ(release().at("rings"), (Json{"canary"})) << "as they were";
  wanted.rings.emplace();
  apply(wanted);
  EXPECT_EQ(release().at("rings"), Json::array());
  EXPECT_FALSE(*make_wish(system_files(), world.place, wanted)) << "it is so already";
  wanted.rings = {"Not A Name"};
  EXPECT_EQ(make_wish(system_files(), world.place, wanted).error().kind, ErrorKind::invalid);
}

TEST_F(RolloutChangeTest, KnowsOnlySignedReleases) {
  auto wanted = change("9.9.9");
  wanted.permille = 1000;
  EXPECT_EQ(make_wish(system_files(), world.place, wanted).error().kind, ErrorKind::not_found);
  wanted.product = "../x";
  EXPECT_EQ(make_wish(system_files(), world.place, wanted).error().kind, ErrorKind::invalid);
}

TEST_F(RolloutChangeTest, StatusTellsRolesAndExpiry) {
  world.clock.advance(std::chrono::hours(25));
  const auto status = describe_repository(system_files(), world.place, world.database(), world.clock.now());
  ASSERT_TRUE(status);
  bool expired = false;
  for (const auto& role : status->at("roles"))
    expired = expired || (role.at("role") == "timestamp" && role.at("expired") == true);
  EXPECT_TRUE(expired);
  EXPECT_NE(to_text(*status).find("EXPIRED"), std::string::npos);
  EXPECT_NE(to_text(*status).find("1.0.0  held"), std::string::npos) << to_text(*status);
}

}  // namespace
}  // namespace upswarm::seeder
