// Long repetitions at any distance: what zstd's tables, which are refilled for each job, do not reach.
#pragma once

#include "protocol/package/encode/back_references.hpp"

namespace upswarm::package {

/// Samples the stream by its gear hashes, as zstd's long distance matching does. 8 MiB of memory. For use by one
/// thread.
class FarReferences {
 public:
  /// None goes further back than `longest` bytes.
  explicit FarReferences(Bytes longest);

  /// `bytes` is the end of the stream so far: what may be referred to, and behind it, from `start` on, content that was
  /// not given before. Gives its references of at least 64 bytes, and remembers it. `position` is that of `bytes` in
  /// the stream.
  std::vector<BackReference> find(ByteView bytes, std::size_t start, Bytes position);

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t place = 0;  // in the stream, modulo 2^32; 0: none, or one place in 2^32 that is not found
  };
  Bytes longest_;
  std::vector<Slot> slots_;
};

}  // namespace upswarm::package
