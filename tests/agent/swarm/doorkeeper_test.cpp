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

TEST(Doorkeeper, KeepsABoundedNumber) {
  Doorkeeper door;
  for (int address = 0; address < 10'000; ++address) {
    for (int n = 0; n <= 60; ++n) door.came(std::to_string(address), kStart);
  }
  EXPECT_EQ(door.shut_out().size(), 1000);
}

}  // namespace
}  // namespace upswarm::agent
