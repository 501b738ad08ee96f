#include "agent/doorkeeper.hpp"

#include <gmock/gmock.h>

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Doorkeeper::Time kStart{24h};

TEST(Doorkeeper, ShutsOutWhoMakesMoreThanSixtyInTenSeconds) {
  Doorkeeper door;
  for (int n = 0; n < 60; ++n) {
    EXPECT_FALSE(door.came("10.0.0.1", kStart + n * 100ms)) << n;
    EXPECT_FALSE(door.came("10.0.0.2", kStart + n * 100ms)) << n;
  }
  EXPECT_TRUE(door.came("10.0.0.1", kStart + 9s));
  EXPECT_FALSE(door.came("10.0.0.1", kStart + 9s)) << "said once";
  EXPECT_THAT(door.shut_out(), ElementsAre("10.0.0.1"));
}

TEST(Doorkeeper, ANeighbourThatTriesAgainAndAgainIsLetIn) {
  Doorkeeper door;
  for (int n = 0; n < 10'000; ++n) EXPECT_FALSE(door.came("10.0.0.1", kStart + n * 200ms)) << n;
  EXPECT_THAT(door.shut_out(), IsEmpty());
}

TEST(Doorkeeper, LetsInAgainAfterTenMinutes) {
  Doorkeeper door;
  for (int n = 0; n <= 60; ++n) door.came("10.0.0.1", kStart);
  EXPECT_FALSE(door.let_in(kStart + 10min - 1ms));
  EXPECT_THAT(door.shut_out(), ElementsAre("10.0.0.1"));
  EXPECT_TRUE(door.let_in(kStart + 10min));
  EXPECT_THAT(door.shut_out(), IsEmpty());
  EXPECT_FALSE(door.came("10.0.0.1", kStart + 10min));
}

TEST(Doorkeeper, ShutsOutWhoLies) {
  Doorkeeper door;
  EXPECT_TRUE(door.lied("10.0.0.1", kStart));
  EXPECT_FALSE(door.lied("10.0.0.1", kStart)) << "said once";
  EXPECT_FALSE(door.knocked("10.0.0.1"));
  EXPECT_TRUE(door.let_in(kStart + 10min));
}

TEST(Doorkeeper, WhoWasAsleepIsLetInWhenItComes) {
  Doorkeeper door;
  EXPECT_TRUE(door.was_silent("10.0.0.1", kStart, true));
  EXPECT_THAT(door.shut_out(), ElementsAre("10.0.0.1"));
  EXPECT_FALSE(door.knocked("10.0.0.2"));
  EXPECT_TRUE(door.knocked("10.0.0.1"));
  EXPECT_THAT(door.shut_out(), IsEmpty());
}

TEST(Doorkeeper, SaysWhyAndForHowLong) {
  Doorkeeper door;
  EXPECT_TRUE(door.gave_garbage("10.0.0.1", kStart));
  EXPECT_FALSE(door.gave_garbage("10.0.0.1", kStart)) << "it is out already";
  EXPECT_TRUE(door.was_silent("10.0.0.2", kStart, true));
  const auto said = door.reasons(kStart + 500ms);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_EQ(said[0].address, "10.0.0.1");
  EXPECT_EQ(said[0].why, "what it sent fails its check");
  EXPECT_EQ(said[0].left, 10min);
  EXPECT_FALSE(said[0].may_knock);
  EXPECT_EQ(said[1].left, 1min);
  EXPECT_TRUE(said[1].may_knock);
}

TEST(Doorkeeper, WhoIsSilentWhileNobodyGivesIsSoonLetInAgain) {
  Doorkeeper door;
  EXPECT_TRUE(door.was_silent("10.0.0.1", kStart, false));
  EXPECT_EQ(door.shut_out().size(), 1U);
  EXPECT_FALSE(door.let_in(kStart + 9s));
  EXPECT_TRUE(door.let_in(kStart + 10s));
  EXPECT_TRUE(door.was_silent("10.0.0.1", kStart + 20s, false));
  EXPECT_TRUE(door.knocked("10.0.0.1")) << "again and again";
  EXPECT_TRUE(door.was_silent("10.0.0.1", kStart + 30s, true));
  EXPECT_TRUE(door.let_in(kStart + 90s)) << "the first time that counts";
}

TEST(Doorkeeper, WhoWasAsleepAndWantsNothingIsLetInAfterAMinute) {
  Doorkeeper door;
  door.was_silent("10.0.0.1", kStart, true);
  EXPECT_FALSE(door.let_in(kStart + 59s));
  EXPECT_TRUE(door.let_in(kStart + 1min));
}

TEST(Doorkeeper, WhoIsSilentAgainWithinAnHourWaitsForTenMinutes) {
  Doorkeeper door;
  door.was_silent("10.0.0.1", kStart, true);
  door.knocked("10.0.0.1");
  EXPECT_TRUE(door.was_silent("10.0.0.1", kStart + 59min, true));
  EXPECT_FALSE(door.knocked("10.0.0.1"));
  EXPECT_FALSE(door.let_in(kStart + 69min - 1ms));
  EXPECT_TRUE(door.let_in(kStart + 69min));
  EXPECT_TRUE(door.was_silent("10.0.0.1", kStart + 119min, true));
  EXPECT_TRUE(door.knocked("10.0.0.1"));
}

TEST(Doorkeeper, KeepsABoundedNumber) {
  Doorkeeper door;
  for (int address = 0; address < 10'000; ++address) {
    for (int n = 0; n <= 60; ++n) door.came(std::to_string(address), kStart);
    door.was_silent(std::to_string(address), kStart, true);
  }
  EXPECT_EQ(door.shut_out().size(), 1000);
}

TEST(OutsidersTold, AreFewAndEachIsToldOnce) {
  OutsidersTold told;
  int lines = 0;
  for (int n = 0; n < 10'000; ++n) lines += told.is_news(std::to_string(n / 2), kStart + n * 10ms) ? 1 : 0;
  EXPECT_EQ(lines, 10);
  EXPECT_TRUE(told.is_news("0", kStart + 10min));
}

}  // namespace
}  // namespace upswarm::agent
