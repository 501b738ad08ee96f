#include "agent/poll_loop.hpp"

#include <algorithm>

#include "agent/advice.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {

using std::chrono::milliseconds;
using std::chrono::seconds;

PollLoop::PollLoop(PollRhythm rhythm, RandomBelow random, const Clock& clock, StatusBoard& board)
    : rhythm_(rhythm), random_(std::move(random)), clock_(clock), board_(board) {}

void PollLoop::run(const Cycle& cycle, std::stop_token stop) {
  int failures = 0;
  while (!stop.stop_requested()) {
    CycleRequest request;
    {
      const std::lock_guard lock(mutex_);
      request = std::exchange(request_, {});
      is_requested_ = false;
      ++started_;
    }
    const auto end = cycle(request, stop);
    if (stop.stop_requested()) return;
    failures = end ? 0 : failures + 1;
    const auto wait = wait_after(end, failures);
    if (!end) {
      log::error("cycle failed", {{"error", end.error().message()},
                                  {"advice", advice_for(end.error())},
                                  {"failures", failures},
                                  {"again_in", upswarm::to_string(wait)}});
    }
    board_.set_next_poll(clock_.now() + std::chrono::ceil<seconds>(wait));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, wait, [this] { return is_requested_; });
  }
}

milliseconds PollLoop::wait_after(const Result<CycleEnd>& end, int failures) const {
  const auto wait = next_wait(rhythm_, failures, random_);
  if (!end || !end->look_again) return wait;
  const milliseconds until = *end->look_again - clock_.now();
  return std::min(wait, std::max<milliseconds>(until, seconds(1)));
}

std::int64_t PollLoop::request(const CycleRequest& request) {
  const std::lock_guard lock(mutex_);
  request_.full_refresh = request_.full_refresh || request.full_refresh;
  request_.install_now = request_.install_now || request.install_now;
  request_.products.insert(request.products.begin(), request.products.end());
  is_requested_ = true;
  wake_.notify_all();
  return started_ + 1;
}

}  // namespace upswarm::agent
