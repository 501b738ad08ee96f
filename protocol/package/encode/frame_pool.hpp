// Compressing frames on several threads, with results in the order in which they were given.
#pragma once

#include <functional>

#include "protocol/package/encode/frame_encoder.hpp"

namespace upswarm::package {

/// For use by one thread. Holds one job a thread, and the results of one more.
class FramePool {
 public:
  using Sink = std::function<Result<void>(const PackedFrame&)>;

  /// `sink` is called by add() and finish(), on the caller's thread.
  FramePool(std::size_t threads, const EncoderSettings& settings, Sink sink);
  ~FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  /// Waits while there is much to do.   Errors: internal; what the sink returns.
  Result<void> add(FrameJob frames);
  /// Waits for all.
  Result<void> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
