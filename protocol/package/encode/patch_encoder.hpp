// The streams of one group.
#pragma once

#include <array>
#include <string>

#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/encode/encode_space.hpp"

namespace upswarm::package {

/// Regions that are better without: their bytes are no code, though the file says so.
struct UselessCode {
  std::vector<Region> old_regions;
  std::vector<Region> new_regions;
};

struct EncodedPatch {
  Layout layout;
  std::uint64_t copies = 0;
  std::array<std::string, kStreams> streams;  ///< not compressed
  UselessCode useless;
};

/// Says `new_space` by `copies` from `old_space`, as decode_patch undoes it; with a DifferenceMemory or without.
EncodedPatch encode_patch(const EncodeSpace& old_space, const EncodeSpace& new_space,
                          const std::vector<CopyOperation>& copies, bool has_memory);

}  // namespace upswarm::package
