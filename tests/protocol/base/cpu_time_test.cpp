#include "protocol/base/cpu_time.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace upswarm {
namespace {

TEST(CpuTime, WorkOfAnotherThreadCountsForTheProcessAlone) {
  const auto thread_before = thread_cpu_time();
  const auto process_before = process_cpu_time();
  CpuTime other{};
  std::thread worker([&other] {
    while (other < std::chrono::milliseconds(20)) other = thread_cpu_time();
  });
  worker.join();
  EXPECT_GE(other, std::chrono::milliseconds(20));
  EXPECT_GE(process_cpu_time() - process_before, other);
  EXPECT_LT(thread_cpu_time() - thread_before, process_cpu_time() - process_before);
}

}  // namespace
}  // namespace upswarm
