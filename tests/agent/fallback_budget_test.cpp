#include "agent/fallback_budget.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class FallbackBudgetTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(store) << store.error().message();
    store_.emplace(*std::move(store));
    budget_.emplace(*store_, clock_);
    file_.sha256 = sha256(std::string_view("a package"));
    other_.sha256 = sha256(std::string_view("another"));
  }
  /// A fetch that brought these bytes, and was stopped.
  void fetch(Bytes site, Bytes wasted) {
    FallbackMeter meter(*budget_, file_);
    BytesBySource bytes{};
    meter.see(bytes);
    bytes.site = site;
    bytes.wasted = wasted;
    meter.see(bytes);
    ASSERT_TRUE(meter.finish());
  }

  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  std::optional<StateStore> store_;
  std::optional<FallbackBudget> budget_;
  trust::PackageFile file_;
  trust::PackageFile other_;
};

TEST_F(FallbackBudgetTest, WhatLiesOnDiskDoesNotStandInTheWayOfTheRest) {
  fetch(3_MiB, 0_B);
  EXPECT_EQ(budget_->left(10_MiB, file_), 10_MiB);
  EXPECT_EQ(budget_->left(10_MiB, other_), 7_MiB);
  ASSERT_TRUE(budget_->settle(file_));
  EXPECT_EQ(budget_->left(10_MiB, file_), 7_MiB);
}

TEST_F(FallbackBudgetTest, WhatFailedItsCheckIsSpentForGood) {
  fetch(1_MiB, 4_MiB);
  EXPECT_EQ(budget_->left(10_MiB, file_), 6_MiB);
  fetch(0_B, 4_MiB);
  fetch(0_B, 4_MiB);
  EXPECT_EQ(budget_->left(10_MiB, other_), 0_B);
  EXPECT_EQ(budget_->left(10_MiB, file_), 1_MiB) << "what it has on disk";
}

}  // namespace
}  // namespace upswarm::agent
