#include "agent/schedule.hpp"

#include <algorithm>
#include <limits>

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{5000};
constexpr int kMostDoublings = 20;

/// A random length in [0, most].
milliseconds random_up_to(milliseconds most, const RandomBelow& random) {
  constexpr auto kMost = std::int64_t{std::numeric_limits<std::uint32_t>::max()} - 1;
  return milliseconds(random(static_cast<std::uint32_t>(std::min<std::int64_t>(most.count(), kMost) + 1)));
}

}  // namespace

milliseconds next_wait(const PollRhythm& rhythm, int failures, const RandomBelow& random) {
  if (failures <= 0) {
    const milliseconds spread(rhythm.interval.count() * rhythm.jitter_permille / 1000);
    return rhythm.interval - spread + random_up_to(2 * spread, random);
  }
  auto wait = std::min(kFirstBackOff, rhythm.interval);
  for (int i = 1; i < std::min(failures, kMostDoublings) && wait < rhythm.interval; ++i) wait *= 2;
  wait = std::min(wait, rhythm.interval);
  return wait / 2 + random_up_to(wait - wait / 2, random);
}

}  // namespace upswarm::agent
