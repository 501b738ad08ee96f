// Compressing segments on several threads, with results in the order in which they were given.
#pragma once

#include <functional>

#include "protocol/package/encode/frame_encoder.hpp"

namespace upswarm::package {

/// For use by one thread. Holds at most two segments a thread.
class SegmentPool {
 public:
  using Sink = std::function<Result<void>(const PackedFrame&)>;

  /// `sink` is called by add() and finish(), on the caller's thread.
  SegmentPool(std::size_t threads, int level, Sink sink);
  ~SegmentPool();
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;

  /// Waits while there is much to do.   Errors: internal; what the sink returns.
  Result<void> add(SegmentContent segment);
  /// Waits for all.
  Result<void> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
