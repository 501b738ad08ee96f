// A higher major version waits for a person, where an administrator wants it so.
#include <gmock/gmock.h>

#include "tests/agent/update_cycle_fixture.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

TEST_F(UpdateCycleTest, AMajorVersionWaitsForTheNameOfItsProduct) {
  confirm_major_ = true;
  start();
  const auto major = tests::make_entry("2.0.0", 5);
  repository_.set_release({old_, major});
  repository_.publish();
  installer_.wants["app"] = major;
  EXPECT_EQ(result_of_run(), CycleResult::held);
  EXPECT_EQ(phase(), "held");
  EXPECT_THAT(board_.snapshot().products.at(0).detail, HasSubstr("upswarm update app"));
  EXPECT_EQ(result_of_run({.full_refresh = true, .install_now = true}), CycleResult::held) << "by name alone";
  EXPECT_EQ(result_of_run({.products = {"other"}}), CycleResult::held);
  swarm_.failures.insert_or_assign(major.full.sha256, Error{ErrorKind::unreachable, "fetch", "nobody has it"});
  EXPECT_FALSE(run({.products = {"app"}}));
  swarm_.failures.clear();
  start();
  EXPECT_EQ(result_of_run(), CycleResult::updated) << "it stays confirmed over a restart";
}

TEST_F(UpdateCycleTest, AConfirmationIsOfOneReleaseAlone) {
  confirm_major_ = true;
  start();
  auto major = tests::make_entry("2.0.0", 5);
  installer_.wants["app"] = major;
  swarm_.failures.insert_or_assign(major.full.sha256, Error{ErrorKind::unreachable, "fetch", "nobody has it"});
  repository_.set_release({old_, major});
  repository_.publish();
  EXPECT_FALSE(run({.products = {"app"}}));
  const auto other = tests::make_entry("3.0.0", 6);
  repository_.set_release({old_, major, other});
  repository_.publish();
  installer_.wants["app"] = other;
  EXPECT_EQ(result_of_run(), CycleResult::held);
}

TEST_F(UpdateCycleTest, AnUrgentMajorVersionWaitsNoLongerThanAFilterMayHoldIt) {
  confirm_major_ = true;
  start();
  auto major = tests::make_entry("2.0.0", 5);
  major.urgent = true;
  major.not_before = clock_.now();
  major.max_hold_days = 2;
  repository_.set_release({old_, major});
  repository_.publish(hours(24 * 5));
  installer_.wants["app"] = major;
  EXPECT_EQ(result_of_run(), CycleResult::held);
  clock_.advance(hours(48));
  EXPECT_EQ(result_of_run(), CycleResult::updated);
}

TEST_F(UpdateCycleTest, NeitherMinorVersionsNorTheWayBackNorAFirstReleaseAreConfirmed) {
  confirm_major_ = true;
  start();
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  const auto before = tests::make_entry("0.9.0", 1);
  repository_.set_release({before, new_});
  repository_.publish(hours(20));
  installer_.wants["app"] = before;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
}

TEST_F(UpdateCycleTest, AskingForOneProductLiftsItsWishesAlone) {
  installer_.wants["app"] = new_;
  ASSERT_TRUE(store_->skip("app", "1.1.0"));
  ASSERT_TRUE(store_->skip("other", "9.0.0"));
  EXPECT_EQ(result_of_run({.products = {"app"}}), CycleResult::updated);
  EXPECT_EQ(store_->wish_of("other")->skipped, "9.0.0");
}

}  // namespace
}  // namespace upswarm::agent
