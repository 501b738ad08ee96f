#include "agent/manners_keeper.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class MannersKeeperTest : public testing::Test {
 protected:
  MannersKeeperTest() { clock.set(*parse_time("2026-11-30T23:00:00Z")); }

  KeeperTools tools() {
    return {policy, [this] { return around; }, swarm, store, clock};
  }

  tests::TemporaryFolder folder;
  StateStore store = std::move(*StateStore::open(folder / "state.db"));
  tests::FakeSwarm swarm;
  tests::FakeClock clock;
  MannersPolicy policy;
  Surroundings around{.memory = 8_GiB, .free_disk = 100_GiB};
};

TEST_F(MannersKeeperTest, TellsTheSwarmWhatItSees) {
  MannersKeeper keeper(tools());
  keeper.look();
  ASSERT_TRUE(swarm.manners);
  EXPECT_TRUE(swarm.manners->may_upload);
  around.link.link = Link::metered;
  keeper.look();
  EXPECT_FALSE(swarm.manners->may_upload);
  EXPECT_FALSE(keeper.last().may_upload);
  EXPECT_EQ(keeper.last().link, Link::metered);
}

TEST_F(MannersKeeperTest, CountsWhatAMonthTookOverRestarts) {
  policy.monthly_upload = 100_MiB;
  {
    MannersKeeper keeper(tools());
    swarm.uploaded_bytes = 60_MiB;
    keeper.look();
    EXPECT_TRUE(keeper.last().may_upload);
  }
  swarm.uploaded_bytes = 0_B;  // counts from its own start
  MannersKeeper keeper(tools());
  keeper.look();
  EXPECT_TRUE(keeper.last().may_upload);
  swarm.uploaded_bytes = 40_MiB;
  keeper.look();
  EXPECT_FALSE(keeper.last().may_upload) << "60 + 40 MiB";
  clock.set(*parse_time("2026-12-01T00:00:00Z"));
  keeper.look();
  EXPECT_TRUE(keeper.last().may_upload) << "another month";
}

TEST_F(MannersKeeperTest, WhatAStrangerWroteIntoTheStoreCountsAsNothing) {
  ASSERT_TRUE(store.set("uploaded", "2026-11 many"));
  policy.monthly_upload = 1_MiB;
  MannersKeeper keeper(tools());
  keeper.look();
  EXPECT_TRUE(keeper.last().may_upload);
}

TEST_F(MannersKeeperTest, LooksSoonerTheNearerTheCapIs) {
  using namespace std::chrono_literals;
  swarm.uploaded_bytes = 0_B;
  MannersKeeper without(tools());
  without.look();
  EXPECT_EQ(without.until_count(), 30s) << "no cap";
  policy.monthly_upload = 10_GiB;
  MannersKeeper keeper(tools());
  keeper.look();
  EXPECT_EQ(keeper.until_count(), 30s);
  swarm.uploaded_bytes = 9_GiB;
  EXPECT_EQ(keeper.until_count(), 8192ms) << "at 125 MiB/s";
  swarm.uploaded_bytes = 10_GiB - 1_MiB;
  EXPECT_EQ(keeper.until_count(), 1s);
  EXPECT_FALSE(keeper.is_over_cap());
  swarm.uploaded_bytes = 11_GiB;
  EXPECT_TRUE(keeper.is_over_cap());
  keeper.look();
  EXPECT_FALSE(keeper.last().may_upload);
  EXPECT_FALSE(keeper.is_over_cap()) << "it is known now";
  EXPECT_EQ(keeper.until_count(), 30s);
}

TEST_F(MannersKeeperTest, ACleanStopLosesNothing) {
  policy.monthly_upload = 100_MiB;
  {
    MannersKeeper keeper(tools());
    keeper.look();
    swarm.uploaded_bytes += 100_MiB;
    std::stop_source stop;
    stop.request_stop();
    keeper.run(stop.get_token());
  }
  swarm.uploaded_bytes = 0_B;
  MannersKeeper keeper(tools());
  keeper.look();
  EXPECT_FALSE(keeper.last().may_upload);
}

}  // namespace
}  // namespace upswarm::agent
