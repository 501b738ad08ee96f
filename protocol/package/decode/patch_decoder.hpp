// Making the new content of one group.
#pragma once

#include <functional>

#include "protocol/package/decode/old_space.hpp"

namespace upswarm::package {

/// Reads the copies of `group`, whose streams lie at `offset` of `file`.   Errors: corrupt; disk.
Result<std::vector<CopyOperation>> read_copies(InputFile& file, Bytes offset, const PatchGroup& group);

/// Where new content goes.
struct PatchSink {
  std::function<Result<void>(ByteView)> write;
  /// Whether any byte of a part of the new content matters; without it all do. Of what does not matter write() gets as
  /// many bytes, any: what only they need is not read.
  std::function<bool(Bytes from, Bytes length)> is_wanted;
};

/// Gives the new content of `group` to `sink`, in order, in parts of up to 256 KiB; exactly group.new_length bytes.
/// Memory: the windows of five streams (18 MiB), 12 bytes a copy here and 24 in the address map, 14 MiB beside.
/// Errors: corrupt; disk; as OldSpace::read; what `sink` gives.
Result<void> decode_patch(InputFile& file, Bytes offset, const PatchGroup& group, OldSpace& old_space,
                          const PatchSink& sink);

}  // namespace upswarm::package
