#include "seeder/publish/early_end.hpp"

#include <gtest/gtest.h>

#include <future>

namespace upswarm::publish {
namespace {

using namespace std::chrono_literals;

class EarlyEndTest : public testing::Test {
 protected:
  EarlyEnd watch(std::chrono::milliseconds grace) {
    return EarlyEnd(stop_.get_token(), grace, [this] { ended_.set_value(); });
  }
  bool is_ended(std::chrono::milliseconds longest) { return end_.wait_for(longest) == std::future_status::ready; }

  std::stop_source stop_;
  std::promise<void> ended_;
  std::future<void> end_ = ended_.get_future();
};

TEST_F(EarlyEndTest, EndsWhatGoesOnAfterAStop) {
  const auto early_end = watch(0ms);
  stop_.request_stop();
  EXPECT_TRUE(is_ended(60s));
}

TEST_F(EarlyEndTest, SeesAStopThatCameBefore) {
  stop_.request_stop();
  const auto early_end = watch(0ms);
  EXPECT_TRUE(is_ended(60s));
}

TEST_F(EarlyEndTest, EndsNothingWithoutAStop) {
  { const auto early_end = watch(0ms); }
  EXPECT_FALSE(is_ended(0ms));
}

TEST_F(EarlyEndTest, EndsNothingThatEndsByItselfInTime) {
  {
    const auto early_end = watch(24h);
    stop_.request_stop();
  }
  EXPECT_FALSE(is_ended(0ms));
}

}  // namespace
}  // namespace upswarm::publish
