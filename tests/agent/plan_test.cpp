#include "agent/plan.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"

namespace upswarm::agent {
namespace {

using tests::add_delta;
using tests::make_entry;

class PlanTest : public testing::Test {
 protected:
  trust::Entry old_ = make_entry("1.0.0", 1);
  trust::Entry entry_ = make_entry("1.1.0", 2);
};

TEST_F(PlanTest, TakesTheFullPackageWhereNothingIsInstalled) {
  add_delta(entry_, old_, 10_B);
  const auto plan = plan_package(entry_, std::nullopt, {});
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->is_delta);
  EXPECT_EQ(plan->file.sha256, entry_.full.sha256);
}

TEST_F(PlanTest, TakesTheSmallestDeltaFromWhatIsInstalled) {
  add_delta(entry_, make_entry("0.9.0", 0), 5_B);
  add_delta(entry_, old_, 100_B);
  add_delta(entry_, old_, 10_B);
  const auto plan = plan_package(entry_, old_.content, {});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->is_delta);
  EXPECT_EQ(plan->file.length, 10_B);
  EXPECT_EQ(plan->from_version, "1.0.0");
}

TEST_F(PlanTest, LeavesADeltaThatIsNoSmallerThanTheFullPackage) {
  add_delta(entry_, old_, entry_.full.length);
  EXPECT_FALSE(plan_package(entry_, old_.content, {})->is_delta);
}

TEST_F(PlanTest, LeavesABadDelta) {
  add_delta(entry_, old_, 10_B);
  const auto bad = entry_.deltas[0].file.sha256;
  EXPECT_FALSE(plan_package(entry_, old_.content, {bad})->is_delta);
}

TEST_F(PlanTest, HasNothingWhenAllIsBad) { EXPECT_FALSE(plan_package(entry_, old_.content, {entry_.full.sha256})); }

}  // namespace
}  // namespace upswarm::agent
