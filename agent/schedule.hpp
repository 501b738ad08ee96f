// When to poll next.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace upswarm::agent {

/// A number in [0, bound): random_below, or a test's own.
using RandomBelow = std::function<std::uint32_t(std::uint32_t bound)>;

struct PollRhythm {
  std::chrono::milliseconds interval{};
  std::int64_t jitter_permille = 0;
};

/// How long to wait after a cycle; `failures` is how many cycles failed in a row.
///
/// 0: the interval, spread evenly by the jitter both ways. Else 5 s (never more than the interval), doubled with each
/// failure up to the interval, and of that a random part between a half and the whole: machines that lost the same
/// seeder must not come back together.
std::chrono::milliseconds next_wait(const PollRhythm& rhythm, int failures, const RandomBelow& random);

}  // namespace upswarm::agent
