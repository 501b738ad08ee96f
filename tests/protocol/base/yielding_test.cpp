#include "protocol/base/yielding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace upswarm {
namespace {

using namespace std::chrono_literals;

constexpr double kStep = 0.001;  // seconds
constexpr double kSegment = 1460;

/// A sender as TCP's usual ones are: it fills the queue until something is lost, then halves what is on its way.
struct Sender {
  double window = 10 * kSegment;
  double most = 1e12;  ///< that its receiver lets it have
  bool is_starting = true;
  double lost_at = -1;

  double on_its_way() const { return std::min(window, most); }
  void move_on(double round_trip) {
    if (window > 2 * most) return;  // it does not use what it has
    window += is_starting ? window * kStep / round_trip : kSegment * kStep / round_trip;
  }
  void lose(double now, double round_trip) {
    if (now - lost_at < round_trip) return;
    lost_at = now;
    is_starting = false;
    window = std::max(2 * kSegment, window / 2);
  }
};

/// A link with one queue for all, and on it a download that yields and one of somebody else, who may come and go.
class Link {
 public:
  struct Shape {
    double rate = 5e6;       ///< bytes a second
    double distance = 0.02;  ///< seconds there and back, without queue
    double queue = 0.1;      ///< seconds
  };
  explicit Link(Shape shape) : shape_(shape), smoothed_(shape.distance) {}

  /// What came in so many seconds, as shares of what the link carries.
  struct Shares {
    double ours = 0;
    double theirs = 0;
  };
  Shares run(double seconds, bool has_other) {
    const Shares before = came_;
    const auto steps = static_cast<int>(std::lround(seconds / kStep));
    for (int i = 0; i < steps; ++i) step(has_other);
    if (!has_other) other_ = {};
    const auto all = seconds * shape_.rate;
    return {(came_.ours - before.ours) / all, (came_.theirs - before.theirs) / all};
  }
  double queue() const { return queue_; }
  double rate_of_ours(const Shares& shares) const { return shares.ours * shape_.rate; }
  std::optional<Bytes> limit() const { return limit_; }

  double most_of_ours = 1e12;  ///< a second: what else keeps our sender from sending more

 private:
  void step(bool has_other) {
    now_ += kStep;
    ours_.most = std::min(limit_ ? static_cast<double>(limit_->count) : 1e12, most_of_ours * shape_.distance);
    const auto a = ours_.on_its_way();
    const auto b = has_other ? other_.on_its_way() : 0;
    const auto all = a + b;
    queue_ = std::clamp((all - shape_.rate * shape_.distance) / shape_.rate, 0.0, shape_.queue);
    const auto round_trip = shape_.distance + queue_;
    const auto rate = std::min(shape_.rate, all / round_trip);
    came_.ours += rate * kStep * a / all;
    came_.theirs += rate * kStep * b / all;
    ours_.move_on(round_trip);
    if (has_other) other_.move_on(round_trip);
    if (all > shape_.rate * (shape_.distance + shape_.queue)) {
      ours_.lose(now_, round_trip);
      if (has_other) other_.lose(now_, round_trip);
    }
    smoothed_ += (round_trip - smoothed_) * std::min(1.0, kStep / (round_trip / 2));  // as tcp_info has it
    const auto tick = Yielding::Tick{} + std::chrono::microseconds(std::llround(now_ * 1e6));
    if (yielding_.is_due(tick))
      limit_ = yielding_.look(tick, {to_time(smoothed_), to_time(shape_.distance), to_bytes(came_.ours)});
  }
  static std::chrono::microseconds to_time(double seconds) {
    return std::chrono::microseconds(std::llround(seconds * 1e6));
  }
  static Bytes to_bytes(double count) { return {static_cast<std::uint64_t>(count)}; }

  Shape shape_;
  Yielding yielding_;
  std::optional<Bytes> limit_;
  Sender ours_;
  Sender other_;
  Shares came_;
  double now_ = 0;
  double queue_ = 0;
  double smoothed_;
};

class YieldingOn : public testing::TestWithParam<Link::Shape> {};

TEST_P(YieldingOn, AloneItHasTheWholeLinkAndAShortQueue) {
  Link link(GetParam());
  EXPECT_GT(link.run(5, false).ours, 0.85) << "with its start";
  EXPECT_GT(link.run(30, false).ours, 0.97);
  EXPECT_LT(link.queue(), 0.04);
}

TEST_P(YieldingOn, BesideSomebodyElseItFallsBackAndComesAgain) {
  Link link(GetParam());
  link.run(10, false);
  link.run(10, true);
  const auto beside = link.run(20, true);
  EXPECT_GT(beside.theirs / (beside.theirs + beside.ours), 0.85);
  EXPECT_GT(link.rate_of_ours(beside), 0.9 * static_cast<double>(Yielding::kLeastRate.count)) << "it does not starve";
  link.run(4, false);
  EXPECT_GT(link.run(10, false).ours, 0.95);
}

INSTANTIATE_TEST_SUITE_P(Links, YieldingOn,
                         testing::Values(Link::Shape{.rate = 1e6, .distance = 0.02, .queue = 0.2},
                                         Link::Shape{.rate = 5e6, .distance = 0.002, .queue = 0.05},
                                         Link::Shape{.rate = 5e6, .distance = 0.06, .queue = 0.1},
                                         Link::Shape{.rate = 5e6, .distance = 0.02, .queue = 0.5},
                                         Link::Shape{.rate = 12e6, .distance = 0.02, .queue = 0.1},
                                         Link::Shape{.rate = 60e6, .distance = 0.01, .queue = 0.1}));

TEST(Yielding, BesideAShortQueueItIsAsAnyOther) {
  Link link({.rate = 5e6, .distance = 0.02, .queue = 0.02});
  link.run(10, true);
  EXPECT_FALSE(link.limit());
  EXPECT_NEAR(link.run(20, true).ours, 0.5, 0.1);
}

TEST(Yielding, WhatIsSlowByItselfIsNotLimited) {
  Link link({});
  link.most_of_ours = 1e6;
  EXPECT_NEAR(link.run(10, false).ours, 0.2, 0.02);
  EXPECT_FALSE(link.limit());
}

/// Looks every 100 ms at a path of 20 ms, over which so many bytes come between two looks.
class YieldingSteps : public testing::Test {
 protected:
  std::optional<Bytes> look(std::chrono::milliseconds waits, Bytes more) {
    now += 100ms;
    received += more;
    return yielding.look(now, {20ms + waits, 20ms, received});
  }

  Yielding yielding;
  Yielding::Tick now = Yielding::Tick{} + 1h;
  Bytes received = 5_MiB;  // it looks at a connection that has been used
};

TEST_F(YieldingSteps, LimitsNothingBeforeAnybodyWaits) {
  EXPECT_FALSE(look(200ms, 0_B)) << "one look is no rate";
  EXPECT_FALSE(look(0ms, 100'000_B));
  EXPECT_FALSE(look(25ms, 100'000_B));
  EXPECT_TRUE(look(26ms, 100'000_B));
}

TEST_F(YieldingSteps, ShrinksToWhatTheTargetTakes) {
  look(0ms, 0_B);
  // 1 MB a second: 60 ms of it are on their way, of which 45 ms are wanted.
  EXPECT_NEAR(static_cast<double>(look(40ms, 100'000_B)->count), 45'000, 100);
}

TEST_F(YieldingSteps, ShrinksByHalfAtMost) {
  look(0ms, 0_B);
  EXPECT_NEAR(static_cast<double>(look(980ms, 100'000_B)->count), 500'000, 1000);
}

TEST_F(YieldingSteps, NeverStarves) {
  look(0ms, 0_B);
  for (int i = 0; i < 50; ++i) look(80ms, 1_B);
  EXPECT_EQ(*look(80ms, 1_B), Bytes{64 * 1024 / 10}) << "the least rate over 100 ms";
  for (int i = 0; i < 50; ++i) look(30ms, 1_B);
  EXPECT_EQ(*look(30ms, 1_B), Yielding::kLeastWindow);
}

TEST_F(YieldingSteps, GrowsByAQuarterWhereNothingWaits) {
  look(0ms, 0_B);
  const auto limited = *look(40ms, 100'000_B);
  const auto grown = *look(0ms, 200'000_B);  // 40 kB on their way
  EXPECT_NEAR(static_cast<double>(grown.count), 1.25 * static_cast<double>(limited.count), 10);
}

TEST_F(YieldingSteps, GrowsOnlyWhileItIsUsed) {
  look(0ms, 0_B);
  look(40ms, 100'000_B);
  for (int i = 0; i < 20; ++i) look(0ms, 20'000_B);  // 4 kB on their way
  const auto unused = *look(0ms, 20'000_B);
  EXPECT_EQ(*look(0ms, 20'000_B), unused);
}

TEST_F(YieldingSteps, OneLookWithoutBytesDoesNotClose) {
  look(0ms, 0_B);
  const auto limited = *look(40ms, 100'000_B);
  EXPECT_NEAR(static_cast<double>(look(26ms, 0_B)->count), 0.978 * static_cast<double>(limited.count), 100)
      << "what comes waits for something that was lost";
}

TEST_F(YieldingSteps, LooksAgainAfterALongRoundTrip) {
  yielding.look(now, {400ms, 390ms, received});
  EXPECT_FALSE(yielding.is_due(now + 399ms));
  EXPECT_TRUE(yielding.is_due(now + 400ms));
}

TEST_F(YieldingSteps, TakesWhatMakesNoSenseForNothing) {
  look(0ms, 0_B);
  const auto limited = look(40ms, 100'000_B);
  EXPECT_EQ(yielding.look(now, {60ms, 20ms, received}), limited) << "no time has passed";
  EXPECT_EQ(yielding.look(now + 1s, {0ms, 0ms, received}), limited);
  EXPECT_LE(*yielding.look(now + 2s, {60ms, 20ms, 0_B}), *limited) << "a count that fell";
  EXPECT_TRUE(yielding.look(now + 3s, {20ms, 30ms, received})) << "a shortest round trip that is not the shortest";
}

}  // namespace
}  // namespace upswarm
