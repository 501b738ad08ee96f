// Finding where the longest stretch of other bytes occurs in some bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/base/units.hpp"

namespace upswarm::package {

/// Memory: 4 bytes a byte, and 256 KiB. Searches are safe from any thread.
class SuffixArray {
 public:
  struct Match {
    std::uint32_t at = 0;
    std::uint32_t length = 0;
  };

  /// Sorts all suffixes of `bytes` (fewer than 2 GiB), which must outlive it.   Errors: internal.
  static Result<SuffixArray> make(ByteView bytes);

  /// The longest start of `wanted` that occurs; looks at the first kLongestLook bytes only.
  Match find(ByteView wanted) const;
  static constexpr std::size_t kLongestLook = 4096;

 private:
  explicit SuffixArray(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
  std::vector<std::int32_t> order_;
  std::vector<std::int32_t> first_;  ///< of the suffixes that start with two given bytes
};

/// How many bytes at the start of both are equal, at most `most`.
std::size_t equal_length(const std::byte* a, const std::byte* b, std::size_t most);

}  // namespace upswarm::package
