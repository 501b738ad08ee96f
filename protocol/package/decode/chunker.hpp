// Where content is cut into chunks: by what stands there, so that an insertion moves no cut but its own. FastCDC (Xia
// and others, USENIX ATC 2016) with its normalized chunking; the table and constants are part of the package format.
#pragma once

#include <cstdint>
#include <functional>

#include "protocol/package/decode/package_index.hpp"

namespace upswarm::package {

inline constexpr Bytes kShortestChunk = 16_KiB;  ///< but for the last of a file
inline constexpr Bytes kCommonChunk = 64_KiB;    ///< where cuts become more likely

/// The first chunk of `bytes`, at least one byte long and at most kLongestChunk. `bytes` is all that is left of the
/// file, or at least kLongestChunk of it.
std::size_t first_chunk(ByteView bytes);

/// The gear hash (64 bit, of the last 64 bytes) wherever its bits in `mask` are 0, with the position behind those
/// bytes: for finding content that is repeated.
void each_gear_hash(ByteView bytes, std::uint64_t mask, const std::function<void(std::size_t, std::uint64_t)>& use);

/// Reads `file` to its end, chunk by chunk, in 1 MiB of memory.   Errors: as InputFile, or what `use` returns.
Result<void> each_chunk(InputFile& file, const std::function<Result<void>(ByteView)>& use);

}  // namespace upswarm::package
