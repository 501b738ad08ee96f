#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <future>

#include "protocol/base/program.hpp"

namespace upswarm {
namespace {

/// Ends by `second` after the orderly stop that SIGINT asks for, or with 0 when it does nothing within the time.
[[noreturn]] void be_stopped_twice(int second, unsigned seconds) {
  const auto stop = stop_on_signals();
  std::promise<void> stopped;
  const std::stop_callback on_stop(stop, [&] { stopped.set_value(); });
  ::kill(::getpid(), SIGINT);
  stopped.get_future().wait();
  ::kill(::getpid(), second);
  ::sleep(seconds);
  std::_Exit(0);
}

TEST(SignalsDeathTest, ASecondInterruptEndsAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(be_stopped_twice(SIGINT, 60), testing::KilledBySignal(SIGINT), "");
}

TEST(SignalsDeathTest, ASecondTerminationDoesNot) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(be_stopped_twice(SIGTERM, 0), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace upswarm
