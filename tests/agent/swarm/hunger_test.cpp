#include "agent/hunger.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;

class HungerTest : public testing::Test {
 protected:
  /// So much comes every `every`, for `duration`.   For how much of it hunger had lasted for `delay`.
  std::chrono::milliseconds hungry_for(Bytes portion, std::chrono::milliseconds every,
                                       std::chrono::milliseconds duration, std::chrono::milliseconds delay = 10s) {
    std::chrono::milliseconds sum{0};
    for (auto passed = 100ms; passed <= duration; passed += 100ms) {
      now += 100ms;
      if (passed % every == 0ms) came += portion;
      hunger.look(now, came, limit);
      if (hunger.has_lasted(delay)) sum += 100ms;
    }
    return sum;
  }

  Hunger::Time now{};
  Hunger hunger{now};
  Bytes came;
  std::uint64_t limit = 0;
};

TEST_F(HungerTest, NothingMakesHungryAfterTheDelay) {
  EXPECT_EQ(hungry_for(0_B, 1s, 9900ms), 0ms);
  EXPECT_EQ(hungry_for(0_B, 1s, 1s), 1s);
}

TEST_F(HungerTest, ABlockNowAndThenIsNotEnough) {
  EXPECT_GE(hungry_for(16_KiB, 9s, 1h), 52min);
  EXPECT_EQ(hungry_for(16_KiB, 9s, 1h, 2500ms), 1h);
}

TEST_F(HungerTest, ASlowLinkIsEnough) {
  EXPECT_EQ(hungry_for(16_KiB, 1s, 1h), 0ms);
  EXPECT_EQ(hungry_for(128_KiB, 8s, 1h), 0ms) << "also when whole pieces come";
}

TEST_F(HungerTest, HalfOfWhatIsAllowedIsEnough) {
  limit = 8 << 10;
  EXPECT_EQ(hungry_for(16_KiB, 4s, 1h), 0ms);
  EXPECT_GE(hungry_for(16_KiB, 9s, 1h), 20min);
}

TEST_F(HungerTest, WhoGivesAgainIsSoonEnoughAgain) {
  EXPECT_GT(hungry_for(0_B, 1s, 1h), 59min);
  EXPECT_LE(hungry_for(1_MiB, 1s, 10s), 1s);
}

TEST_F(HungerTest, AnotherDelayCountsWhatLasted) {
  EXPECT_GT(hungry_for(0_B, 1s, 20s, 2500ms), 17s);
  EXPECT_EQ(hungry_for(0_B, 1s, 1s, 10s), 1s);
}

}  // namespace
}  // namespace upswarm::agent
