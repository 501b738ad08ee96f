#include "seeder/publish/memory_budget.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace upswarm::tests {
namespace {

using publish::MemoryBudget;

TEST(MemoryBudgetTest, NoMoreIsGivenThanThereIs) {
  MemoryBudget budget(10_MiB);
  std::atomic<std::uint64_t> taken = 0;
  std::atomic<std::uint64_t> most = 0;
  const auto work = [&] {
    for (std::uint64_t i = 1; i <= 200; ++i) {
      const auto wanted = Bytes{(i % 6 + 1) << 20U};
      const auto share = budget.take(wanted, {});
      ASSERT_TRUE(share);
      const auto now = taken += wanted.count;
      for (auto seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) continue;
      taken -= wanted.count;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  }
  EXPECT_LE(Bytes{most}, 10_MiB);
  EXPECT_GT(Bytes{most}, 0_B);
}

TEST(MemoryBudgetTest, MoreThanThereIsGoesToWhoIsAlone) {
  MemoryBudget budget(10_MiB);
  auto all = budget.take(1_GiB, {});
  ASSERT_TRUE(all);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(budget.take(1_B, stop.get_token())) << "nothing is left";
  all->reset();
  EXPECT_TRUE(budget.take(10_MiB, stop.get_token())) << "what is free is given at once";
}

TEST(MemoryBudgetTest, WhoWaitsCanBeStopped) {
  MemoryBudget budget(10_MiB);
  const auto some = budget.take(6_MiB, {});
  ASSERT_TRUE(some);
  std::stop_source stop;
  std::jthread waiting([&] {
    const auto more = budget.take(5_MiB, stop.get_token());
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().kind, ErrorKind::cancelled);
  });
  stop.request_stop();
}

}  // namespace
}  // namespace upswarm::tests
