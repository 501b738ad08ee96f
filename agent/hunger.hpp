// Whether a download lives by what it gets.
#pragma once

#include <algorithm>
#include <chrono>

#include "protocol/base/units.hpp"

namespace upswarm::agent {

/// How long a download has gone without enough: time adds to it, and bytes take from it what they would have taken at
/// the least rate that counts as progress. So whoever drips less than that cannot keep other sources out, and a burst
/// pays for a pause. Not thread-safe.
class Hunger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = Time::duration;

  /// A second. A quarter of what a leader takes at least while it makes room for others (Yielding::kLeastRate), and
  /// all that a site behind 128 kbit/s can have: by HTTP, too.
  static constexpr Bytes kEnough = 16_KiB;

  explicit Hunger(Time now) : looked_(now) {}

  /// `came`: in all, never falling. `limit`: bytes a second that HTTP may bring, 0: any. Half of it is enough, too.
  void look(Time now, Bytes came, std::uint64_t limit) {
    const auto enough = limit == 0 ? kEnough.count : std::clamp<std::uint64_t>(limit / 2, 1, kEnough.count);
    const std::chrono::duration<double> eaten(static_cast<double>((came - came_).count) / static_cast<double>(enough));
    lasted_ = std::max(Duration(0), lasted_ + (now - looked_) - std::chrono::duration_cast<Duration>(eaten));
    looked_ = now;
    came_ = came;
  }

  /// Whether it has lasted for `delay`. Much longer hunger is forgotten: peers that give again soon are enough again.
  bool has_lasted(Duration delay) {
    lasted_ = std::min(lasted_, std::max<Duration>(delay, kRemembered));
    return lasted_ >= delay;
  }

 private:
  static constexpr std::chrono::seconds kRemembered{10};

  Time looked_;
  Duration lasted_{0};
  Bytes came_;
};

}  // namespace upswarm::agent
