#include "agent/monthly_count.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class MonthlyCountTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(store) << store.error().message();
    store_.emplace(*std::move(store));
  }

  tests::TemporaryFolder folder_;
  std::optional<StateStore> store_;
  Time end_of_month_ = *parse_time("2026-11-30T23:59:59Z");
};

TEST_F(MonthlyCountTest, AddsUpAMonthAndBeginsAnewWithTheNext) {
  MonthlyCount count(*store_, "some");
  EXPECT_EQ(count.sum(end_of_month_), 0_B);
  ASSERT_TRUE(count.add(5_B, end_of_month_ - std::chrono::hours(24)));
  ASSERT_TRUE(MonthlyCount(*store_, "some").add(6_B, end_of_month_));
  EXPECT_EQ(count.sum(end_of_month_), 11_B);
  EXPECT_EQ(MonthlyCount(*store_, "other").sum(end_of_month_), 0_B);
  const auto next = end_of_month_ + std::chrono::seconds(1);
  EXPECT_EQ(count.sum(next), 0_B);
  ASSERT_TRUE(count.add(1_B, next));
  EXPECT_EQ(count.sum(next), 1_B);
}

TEST_F(MonthlyCountTest, WhatCannotBeReadIsNothing) {
  MonthlyCount count(*store_, "some");
  for (const auto* text : {"2026-11 ", "2026-11 -1", "2026-11 12x", "2026-11 99999999999999999999", "2026-1112", "x"}) {
    ASSERT_TRUE(store_->set("some", text));
    EXPECT_EQ(count.sum(end_of_month_), 0_B) << text;
  }
}

}  // namespace
}  // namespace upswarm::agent
