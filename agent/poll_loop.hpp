// Runs cycles: by the clock, and at once when somebody asks.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "agent/schedule.hpp"
#include "agent/status_board.hpp"
#include "agent/update_cycle.hpp"

namespace upswarm::agent {

class PollLoop {
 public:
  using Cycle = std::function<Result<CycleEnd>(const CycleRequest&, std::stop_token)>;

  /// `clock` and `board` must outlive the loop.
  PollLoop(PollRhythm rhythm, RandomBelow random, const Clock& clock, StatusBoard& board);

  /// Runs `cycle` until `stop`: at once, then by the rhythm. One thread.
  void run(const Cycle& cycle, std::stop_token stop);

  /// Asks for a cycle at once, or right after the one under way. Returns the number of that cycle, counted from 1.
  /// Any thread.
  std::int64_t request(const CycleRequest& request);

 private:
  std::chrono::milliseconds wait_after(const Result<CycleEnd>& end, int failures) const;

  PollRhythm rhythm_;
  RandomBelow random_;
  const Clock& clock_;
  StatusBoard& board_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool is_requested_ = false;
  CycleRequest request_;
  std::int64_t started_ = 0;
};

}  // namespace upswarm::agent
