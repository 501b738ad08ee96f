// Making the new content of one group.
#pragma once

#include <functional>

#include "protocol/package/decode/old_space.hpp"

namespace upswarm::package {

/// Reads the copies of `group`, whose streams lie at `offset` of `file`.   Errors: corrupt; disk.
Result<std::vector<CopyOperation>> read_copies(InputFile& file, Bytes offset, const PatchGroup& group);

/// Gives the new content of `group` to `sink`, in order, in parts of up to 64 KiB; exactly group.new_length bytes.
/// Memory: the windows of five streams (18 MiB), 12 bytes a copy here and 24 in the address map, 14 MiB beside.
/// Errors: corrupt; disk; as OldSpace::read; what `sink` gives.
Result<void> decode_patch(InputFile& file, Bytes offset, const PatchGroup& group, OldSpace& old_space,
                          const std::function<Result<void>(ByteView)>& sink);

}  // namespace upswarm::package
