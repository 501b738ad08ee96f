#include "agent/line_rate.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class LineRateTest : public testing::Test {
 protected:
  LineRate rate() { return LineRate(store_); }
  void note_often(Bytes a_second) {
    for (std::size_t i = 0; i < LineRate::kFewest; ++i) ASSERT_TRUE(rate().note(a_second, clock_.now()));
  }

  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  StateStore store_ = std::move(*StateStore::open(folder_ / "state.db"));
};

TEST_F(LineRateTest, TheFastestOfTheLastTransfersCounts) {
  EXPECT_FALSE(rate().best(clock_.now()));
  ASSERT_TRUE(rate().note(5_KiB, clock_.now()));
  ASSERT_TRUE(rate().note(90_KiB, clock_.now()));
  ASSERT_TRUE(rate().note(7_KiB, clock_.now()));
  EXPECT_EQ(rate().best(clock_.now()), 90_KiB);
}

TEST_F(LineRateTest, FewerThanThreeSayNothing) {
  for (std::size_t i = 1; i < LineRate::kFewest; ++i) ASSERT_TRUE(rate().note(5_KiB, clock_.now()));
  EXPECT_FALSE(rate().best(clock_.now())) << "a busy seeder, or a line that was used otherwise";
  ASSERT_TRUE(rate().note(5_KiB, clock_.now()));
  EXPECT_EQ(rate().best(clock_.now()), 5_KiB);
}

TEST_F(LineRateTest, FewAreKeptAndNoneForLong) {
  ASSERT_TRUE(rate().note(90_KiB, clock_.now()));
  for (std::size_t i = 0; i < LineRate::kMost; ++i) ASSERT_TRUE(rate().note(5_KiB, clock_.now()));
  EXPECT_EQ(rate().best(clock_.now()), 5_KiB) << "the first is gone";
  clock_.advance(LineRate::kForgotten);
  EXPECT_EQ(rate().best(clock_.now()), 5_KiB);
  clock_.advance(seconds(1));
  EXPECT_FALSE(rate().best(clock_.now()));
  note_often(6_KiB);
  EXPECT_EQ(rate().best(clock_.now()), 6_KiB);
  EXPECT_FALSE(rate().best(clock_.now() - hours(1))) << "a clock that was put back: nobody knows how old it is";
}

TEST_F(LineRateTest, WhatTheStoreCannotMeanIsNone) {
  for (const auto* bad : {"x", "{}", R"({"rates":[{"at":"never","a_second":1}]})",
                          R"({"rates":[{"at":"2026-01-01T00:00:00Z","a_second":-1}]})"}) {
    ASSERT_TRUE(store_.set("line_rates", bad));
    EXPECT_FALSE(rate().best(clock_.now())) << bad;
  }
  note_often(6_KiB);
  EXPECT_EQ(rate().best(clock_.now()), 6_KiB);
}

/// Each look at a meter is a second after the last.
class LineMeterTest : public testing::Test {
 protected:
  void see(Bytes origin_http, Bytes site = {}) {
    now_ += seconds(1);
    BytesBySource bytes;
    bytes.origin_http = origin_http;
    bytes.site = site;
    meter_.see(bytes);
  }

  std::chrono::steady_clock::time_point now_{};
  LineMeter meter_{[this] { return now_; }};
};

TEST_F(LineMeterTest, TimesFromPieceToPiece) {
  for (int i = 0; i < 10; ++i) see(0_B);  // a connection is being made
  see(1_MiB);
  EXPECT_FALSE(meter_.a_second()) << "nobody knows how long the first took";
  see(1_MiB);
  see(1_MiB);
  see(1_MiB);
  see(2_MiB);
  EXPECT_EQ(meter_.a_second(), 256_KiB);
}

TEST_F(LineMeterTest, LittleSaysNothing) {
  see(0_B);
  see(1_MiB);
  see(1_MiB + LineMeter::kLeast - 1_B);
  EXPECT_FALSE(meter_.a_second());
  see(1_MiB + LineMeter::kLeast);
  EXPECT_EQ(meter_.a_second(), Bytes{LineMeter::kLeast.count / 2});
}

TEST_F(LineMeterTest, WhereNeighboursGaveSomethingTheTimeIsNotTheLines) {
  see(0_B);
  see(1_MiB);
  see(1_MiB, 5_MiB);
  see(2_MiB, 5_MiB);
  EXPECT_FALSE(meter_.a_second());
  see(3_MiB, 5_MiB);
  EXPECT_EQ(meter_.a_second(), 1_MiB);
}

/// A pause, or a seeder that starts anew, is not the line's.
TEST_F(LineMeterTest, ALongGapIsNotCountedNorWhatEndedIt) {
  see(0_B);
  see(1_MiB);
  see(2_MiB);
  now_ += LineMeter::kLongestGap;
  see(3_MiB);
  see(4_MiB);
  EXPECT_EQ(meter_.a_second(), 1_MiB);
  now_ += LineMeter::kLongestGap - seconds(1);
  see(4_MiB + 256_KiB);
  EXPECT_LT(meter_.a_second(), 100_KiB) << "one that is not longer is a slow line's";
}

TEST_F(LineMeterTest, WhatCameBeforeIsNotCounted) {
  see(50_MiB);
  see(51_MiB);
  see(52_MiB);
  EXPECT_EQ(meter_.a_second(), 1_MiB);
}

}  // namespace
}  // namespace upswarm::agent
