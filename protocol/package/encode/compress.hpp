// Compressing with zstd, the same bytes for the same input on any machine.
#pragma once

#include <functional>
#include <string>

#include "protocol/base/units.hpp"

namespace upswarm::package {

/// One frame at the level for packages.   Errors: internal.
Result<std::string> compress(ByteView bytes);

/// One frame without magic number, checksum and size, for a window of 2^`window_log` bytes.   Errors: internal.
Result<std::string> compress_bare(ByteView bytes, int level, int window_log);

/// The same, made against `prefix`, which must be at hand again to decompress it.
Result<std::string> compress_against(ByteView prefix, ByteView bytes, int level);

/// One frame of a large input that comes in parts: `next` gives the next part, empty at the end.
Result<void> compress_stream(const std::function<Result<ByteView>()>& next,
                             const std::function<Result<void>(ByteView)>& sink);

}  // namespace upswarm::package
