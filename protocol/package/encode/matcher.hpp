// Choosing what of the new bytes is copied from where in the old ones.
#pragma once

#include <functional>
#include <stop_token>

#include "protocol/package/decode/address_map.hpp"
#include "protocol/package/encode/suffix_array.hpp"

namespace upswarm::package {

/// Copies in order of their place in `wanted`; they do not overlap there. Copied bytes need not all be equal: what lies
/// between two equal stretches is copied with them when most of it is. The same copies at any number of threads.
/// `progress(bytes of wanted that are done)` may be called from any thread, one at a time.
/// Errors: cancelled.
Result<std::vector<CopyOperation>> find_copies(ByteView old_bytes, const SuffixArray& sorted, ByteView wanted,
                                               std::size_t threads, const std::function<void(std::size_t)>& progress,
                                               const std::stop_token& stop);

}  // namespace upswarm::package
