// How often a leader tries to connect to the origin.
#pragma once

#include <algorithm>
#include <chrono>

namespace upswarm::agent {

/// Less and less often while that fails. One thread at a time.
class DialPace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kLongest{10};  ///< so long after its return a seeder waits for its leaders

  bool is_due(TimePoint now) const { return now - last_ >= wait_; }
  bool was_dialled() const { return last_ != TimePoint(); }

  void dial(TimePoint now) {
    last_ = now;
    wait_ = next_;
    next_ = std::min(2 * next_, kLongest);
  }
  /// The origin gave something: when that connection is gone, it is due kFirst after it was made.
  void note_success() { wait_ = next_ = kFirst; }
  /// There is another lease, or another origin: due at once.
  void begin_anew() {
    wait_ = {};
    next_ = kFirst;
  }

 private:
  TimePoint last_;
  std::chrono::seconds wait_{0};  ///< after last_
  std::chrono::seconds next_{kFirst};
};

}  // namespace upswarm::agent
