// Decompressing the zstd frames of a package (RFC 8878), one after the other, with bounds.
#pragma once

#include <memory>

#include "protocol/base/units.hpp"

namespace upswarm::package {

/// Reused for all frames of a package.
class FrameDecoder {
 public:
  FrameDecoder();
  ~FrameDecoder();
  FrameDecoder(const FrameDecoder&) = delete;
  FrameDecoder& operator=(const FrameDecoder&) = delete;

  /// Decompresses one whole frame that was made with `dictionary` (raw content, may be empty) into exactly `to`.
  /// Errors: corrupt.
  Result<void> decode(ByteView frame, ByteView dictionary, std::span<std::byte> to);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
