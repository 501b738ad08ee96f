// The end of a command that computes on where no stop reaches it: a sort, or a compressor, of hundreds of megabytes.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

namespace upswarm::publish {

/// Calls `end` on a thread of its own when the object still lives `grace` after the stop was requested.
class EarlyEnd {
 public:
  EarlyEnd(const std::stop_token& stop, std::chrono::milliseconds grace, std::function<void()> end);
  /// Waits for `end` where that was called already.
  ~EarlyEnd() = default;
  EarlyEnd(const EarlyEnd&) = delete;
  EarlyEnd& operator=(const EarlyEnd&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace upswarm::publish
