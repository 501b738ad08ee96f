// Compressing the zstd frames of a package (RFC 8878): the same bytes for the same input and version of zstd.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/base/digest.hpp"

namespace upswarm::package {

/// Frames that share a dictionary, before compression.
struct SegmentContent {
  ByteBuffer dictionary;           ///< may be empty
  ByteBuffer content;              ///< of all frames, one behind the other
  std::vector<std::size_t> sizes;  ///< of the frames
};

struct PackedFrame {
  std::string bytes;
  Sha256 sha256;
};

/// Reused for many segments; for one thread.
class FrameEncoder {
 public:
  /// `level` as zstd counts: 1 to 22.
  explicit FrameEncoder(int level);
  ~FrameEncoder();
  FrameEncoder(const FrameEncoder&) = delete;
  FrameEncoder& operator=(const FrameEncoder&) = delete;

  /// Errors: internal.
  Result<std::vector<PackedFrame>> encode(const SegmentContent& segment);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
