// Decompressing zstd with bounds (RFC 8878).
#pragma once

#include <functional>

#include "protocol/base/files.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::package {

/// Decompresses one whole frame, with nothing behind it, that must give exactly `size` bytes.   Errors: corrupt.
Result<std::string> decompress(ByteView frame, Bytes size, const std::string& what);

/// The same for the frame of `length` bytes at `offset` of `file`, without magic number, that was made against
/// `prefix`. Memory: `length` and `size`, beside the prefix.   Errors: as InputFile, too.
Result<std::string> decompress_bare(InputFile& file, Bytes offset, Bytes length, ByteView prefix, Bytes size,
                                    const std::string& what);

/// Decompresses the frame of `length` bytes at `offset` of `file` in small parts; `prefix` is what it was made against
/// (may be empty). It must give exactly `size` bytes, in at most `length` bytes of input.
/// Errors: corrupt; as InputFile; what `sink` returns.
Result<void> decompress_stream(InputFile& file, Bytes offset, Bytes length, Bytes size, ByteView prefix,
                               const std::function<Result<void>(ByteView)>& sink, const std::string& what);

}  // namespace upswarm::package
