// Compressing with zstd, the same bytes for the same input on any machine.
#pragma once

#include <functional>
#include <string>

#include "protocol/base/units.hpp"

namespace upswarm::package {

/// One frame at the level for packages.   Errors: internal.
Result<std::string> compress(ByteView bytes);

/// What level 22 takes for each byte of `reach`: a tree of eight, and one of hashes. zstd would take up to eight for
/// these, and finds the same with one.
inline constexpr std::uint64_t kTablesOfByte = 9;

/// One frame without magic number, checksum and size, for a window of 2^`window_log` bytes. Levels from 19 on look back
/// at least `reach` bytes, the largest power of two that this holds; what is farther away they may overlook.
/// Errors: internal.
Result<std::string> compress_bare(ByteView bytes, int level, int window_log, Bytes reach = 1_GiB);

/// The same, made against `prefix`, which must be at hand again to decompress it.
Result<std::string> compress_against(ByteView prefix, ByteView bytes, int level, Bytes reach = 1_GiB);

/// One frame of a large input that comes in parts: `next` gives the next part, empty at the end.
Result<void> compress_stream(const std::function<Result<ByteView>()>& next,
                             const std::function<Result<void>(ByteView)>& sink);

}  // namespace upswarm::package
