#include "agent/dial_pace.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class DialPaceTest : public testing::Test {
 protected:
  /// Seconds between this dial and the next, if it fails.
  std::chrono::seconds dial() {
    pace.dial(now);
    const auto from = now;
    while (!pace.is_due(now)) now += 1s;
    return std::chrono::duration_cast<std::chrono::seconds>(now - from);
  }

  DialPace pace;
  DialPace::TimePoint now{1h};
};

TEST_F(DialPaceTest, WaitsLongerWithEachFailureUpToALimit) {
  EXPECT_TRUE(pace.is_due(now));
  EXPECT_FALSE(pace.was_dialled());
  std::vector<std::chrono::seconds> waits(6);
  for (auto& wait : waits) wait = dial();
  EXPECT_THAT(waits, ElementsAre(1s, 2s, 4s, 8s, DialPace::kLongest, DialPace::kLongest));
  EXPECT_TRUE(pace.was_dialled());
}

TEST_F(DialPaceTest, WhatWorkedIsTriedAgainSoon) {
  for (int i = 0; i < 4; ++i) dial();
  pace.dial(now);
  pace.note_success();
  EXPECT_FALSE(pace.is_due(now)) << "one that lets us in and breaks off at once";
  EXPECT_TRUE(pace.is_due(now + DialPace::kFirst));
  EXPECT_EQ(dial(), 1s);
  EXPECT_EQ(dial(), 2s);
}

TEST_F(DialPaceTest, AnotherLeaseIsTriedAtOnce) {
  for (int i = 0; i < 4; ++i) dial();
  pace.dial(now);
  pace.begin_anew();
  EXPECT_TRUE(pace.is_due(now));
  EXPECT_EQ(dial(), 1s);
}

}  // namespace
}  // namespace upswarm::agent
