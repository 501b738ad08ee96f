#include "agent/schedule.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::uint32_t lowest(std::uint32_t /*bound*/) { return 0; }
std::uint32_t highest(std::uint32_t bound) { return bound - 1; }

constexpr PollRhythm kRhythm{minutes(15), 100};

TEST(ScheduleTest, SpreadsPollsByTheJitterBothWays) {
  EXPECT_EQ(next_wait(kRhythm, 0, lowest), milliseconds(810'000));
  EXPECT_EQ(next_wait(kRhythm, 0, highest), milliseconds(990'000));
}

TEST(ScheduleTest, KeepsTheIntervalWithoutJitter) { EXPECT_EQ(next_wait({seconds(2), 0}, 0, highest), seconds(2)); }

TEST(ScheduleTest, BacksOffFromFiveSecondsAndDoubles) {
  EXPECT_EQ(next_wait(kRhythm, 1, lowest), milliseconds(2500));
  EXPECT_EQ(next_wait(kRhythm, 1, highest), seconds(5));
  EXPECT_EQ(next_wait(kRhythm, 2, highest), seconds(10));
  EXPECT_EQ(next_wait(kRhythm, 5, highest), seconds(80));
}

TEST(ScheduleTest, NeverBacksOffBeyondTheInterval) {
  EXPECT_EQ(next_wait(kRhythm, 1000, highest), minutes(15));
  EXPECT_EQ(next_wait({seconds(1), 0}, 1, highest), seconds(1));
}

}  // namespace
}  // namespace upswarm::agent
