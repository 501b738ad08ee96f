// Which bytes of a stream repeat which earlier ones: what a compressor found, improved and cut into frames. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/base/units.hpp"

namespace upswarm::package {

/// `length` bytes at `at` are those that stand `distance` before them. In lists: rising, without overlap.
struct BackReference {
  std::uint32_t at = 0;  ///< in the content of a job
  std::uint32_t length = 0;
  std::uint32_t distance = 0;

  std::uint32_t end() const { return at + length; }
  bool operator==(const BackReference&) const = default;
};

inline constexpr std::uint32_t kShortestReference = 3;  ///< of zstd

/// `near` with those of `far` (long ones, at any distance) put in that cost fewer bits than what `near` says of the
/// same bytes; what sticks out of them is kept.
std::vector<BackReference> merge(const std::vector<BackReference>& near, const std::vector<BackReference>& far);

/// One step of a zstd block (RFC 8878, 3.1.1.3.2): bytes as they are, then a copy. The last of a block has no copy.
struct Sequence {
  std::uint32_t literals = 0;
  std::uint32_t length = 0;
  std::uint32_t distance = 0;

  bool operator==(const Sequence&) const = default;
};

/// Appends the block that is the content from `start` to `end`. References that end there or before are taken from the
/// front of `left`; one that goes on is cut.
void append_block(std::span<const BackReference>& left, std::uint32_t start, std::uint32_t end,
                  std::vector<Sequence>& to);

}  // namespace upswarm::package
