#include "agent/poll_loop.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/fake_clock.hpp"

namespace upswarm::agent {
namespace {

std::uint32_t lowest(std::uint32_t /*bound*/) { return 0; }

class PollLoopTest : public testing::Test {
 protected:
  tests::FakeClock clock_;
  StatusBoard board_{"machine-1", "http://seeder.test"};
  PollLoop loop_{{std::chrono::hours(100), 0}, lowest, clock_, board_};
  std::stop_source stop_;
  std::vector<CycleRequest> seen_;

  /// What status says of the next poll after the first cycle ended as given.
  Time next_poll_after(const Result<CycleEnd>& end) {
    Time next;
    int cycles = 0;
    std::thread asking([&] {
      while (!board_.snapshot().next_poll) std::this_thread::yield();
      next = *board_.snapshot().next_poll;
      loop_.request({});
    });
    loop_.run(
        [&](const CycleRequest&, std::stop_token) -> Result<CycleEnd> {
          if (++cycles == 2) stop_.request_stop();
          return end;
        },
        stop_.get_token());
    asking.join();
    return next;
  }
};

TEST_F(PollLoopTest, StartsAtOnceAndAgainWhenAsked) {
  loop_.run(
      [&](const CycleRequest& request, std::stop_token) -> Result<CycleEnd> {
        seen_.push_back(request);
        if (seen_.size() == 1) {
          EXPECT_EQ(loop_.request({.full_refresh = true, .install_now = false}), 2);
        }
        if (seen_.size() == 2) {
          EXPECT_EQ(loop_.request({.full_refresh = false, .install_now = true}), 3);
        }
        if (seen_.size() == 3) stop_.request_stop();
        return CycleEnd{};
      },
      stop_.get_token());
  ASSERT_EQ(seen_.size(), 3U);
  EXPECT_FALSE(seen_[0].full_refresh);
  EXPECT_TRUE(seen_[1].full_refresh);
  EXPECT_FALSE(seen_[2].full_refresh);
  EXPECT_TRUE(seen_[2].install_now);
}

TEST_F(PollLoopTest, RequestsBeforeACycleAreOne) {
  EXPECT_EQ(loop_.request({.full_refresh = true, .install_now = false}), 1);
  EXPECT_EQ(loop_.request({.full_refresh = false, .install_now = true}), 1);
  loop_.run(
      [&](const CycleRequest& request, std::stop_token) -> Result<CycleEnd> {
        seen_.push_back(request);
        stop_.request_stop();
        return CycleEnd{};
      },
      stop_.get_token());
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_TRUE(seen_[0].full_refresh && seen_[0].install_now);
}

TEST_F(PollLoopTest, PollsAgainAfterTheInterval) {
  EXPECT_EQ(next_poll_after(CycleEnd{}), clock_.now() + std::chrono::hours(100));
}

TEST_F(PollLoopTest, WakesWhenADeferralEnds) {
  const auto until = clock_.now() + std::chrono::hours(1);
  EXPECT_EQ(next_poll_after(CycleEnd{CycleResult::put_off, until}), until);
}

TEST_F(PollLoopTest, BacksOffAfterAnError) {
  const auto next = next_poll_after(Error{ErrorKind::unreachable, "GET", "no route"});
  EXPECT_EQ(next, clock_.now() + std::chrono::seconds(3));
}

}  // namespace
}  // namespace upswarm::agent
