// A clock that is turned by hand.
#pragma once

#include "protocol/base/clock.hpp"

namespace upswarm::tests {

class FakeClock final : public Clock {
 public:
  Time now() const override { return time; }
  void set(Time to) { time = to; }
  void advance(std::chrono::seconds by) { time += by; }

  Time time{std::chrono::seconds(1'800'000'000)};
};

}  // namespace upswarm::tests
