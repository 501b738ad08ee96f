// zstd frames by hand (RFC 8878), for tests that need what no compressor makes.
#pragma once

#include <string>
#include <string_view>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"

namespace upswarm::package {

/// One zstd frame without magic number that holds `content` as it is, made for a window of 2^`window_log` bytes.
inline std::string stored_frame(std::string_view content, int window_log) {
  constexpr std::size_t longest_block = 1000;
  std::string frame;
  ByteWriter out(frame);
  out.u8(0);  // section 3.1.1.1.1: a window, no size, no checksum, no dictionary
  out.u8(static_cast<std::uint8_t>((window_log - 10) << 3));
  do {
    const auto part = content.substr(0, longest_block);
    content.remove_prefix(part.size());
    const auto header = part.size() << 3U | (content.empty() ? 1U : 0U);
    for (unsigned i = 0; i < 3; ++i) out.u8(static_cast<std::uint8_t>(header >> (8 * i)));
    out.raw(part);
  } while (!content.empty());
  return frame;
}

/// The magic number that frames begin with elsewhere.
inline constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);

/// A full package with this index (decompressed) and these frames. Where its index ends is where the frames begin.
inline std::string stored_package(std::string_view index, std::string_view frames) {
  const auto packed = std::string(kZstdMagic) + stored_frame(index, 20);
  std::string bytes;
  ByteWriter out(bytes);
  out.raw(kPackageMagic);
  out.u32(kPackageVersion);
  out.u32(0);
  out.u64(packed.size());
  out.u64(index.size());
  out.raw(packed);
  out.raw(frames);
  return bytes;
}

}  // namespace upswarm::package
