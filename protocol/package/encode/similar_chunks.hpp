// Which earlier chunks are like what comes next: matching at any distance, in little memory.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/package/decode/package_index.hpp"

namespace upswarm::package {

/// Samples the gear hashes of content; chunks that share many are alike. 8 MiB of memory, whatever the size of the
/// tree: samples are further apart in a larger one.
class SimilarChunks {
 public:
  explicit SimilarChunks(Bytes tree_size);

  using Samples = std::vector<std::uint64_t>;
  Samples sample(ByteView content) const;

  /// From now on `chunk` is found by its samples.
  void add(std::uint32_t chunk, const Samples& samples);

  /// Chunks that have something in common with content of these samples, the most alike first, the number of common
  /// samples behind each. Those with next to nothing in common are left out.
  struct Found {
    std::uint32_t chunk;
    std::uint32_t common;
  };
  std::vector<Found> find(const Samples& samples) const;

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t chunk_and_one = 0;  // 0: empty
  };
  std::uint64_t mask_;
  std::uint32_t least_common_;
  std::vector<Slot> slots_;
};

}  // namespace upswarm::package
