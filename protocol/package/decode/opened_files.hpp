// Files of deflate streams (zip, gzip) that a delta sees opened: with what is in the streams in place of the streams.
// Format: docs/formats.md. Nothing here knows what such a file is: the maker of a delta tells where streams lie.
#pragma once

#include <vector>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/deflate_replayer.hpp"
#include "protocol/package/tree_difference.hpp"

namespace upswarm::package {

/// Of all opened old files of a delta, and of all new ones: a promise to disks and patience.
inline constexpr Bytes kMostOpened = 16_GiB;
/// Deflate makes at most so many bytes out of one.
inline constexpr std::uint64_t kMostInflation = 1032;

/// A file of the base.
struct OpenedOld {
  std::uint32_t entry = 0;  ///< of the base's tree
  Bytes size;               ///< opened
  std::vector<Bytes> gaps;  ///< for each stream: what lies between the stream before it (or the start) and it
};

/// A stream of a new file, in its opened form.
struct OpenedStream {
  Bytes gap;   ///< from the stream before, or the start
  Bytes size;  ///< of what is deflated
  DeflateRecipe recipe;
};

struct OpenedNew {
  std::uint32_t entry = 0;  ///< of the new tree
  Bytes size;               ///< opened
  std::vector<OpenedStream> streams;
};

/// Both by entry, which rise.
struct OpenedFiles {
  std::vector<OpenedOld> old_files;
  std::vector<OpenedNew> new_files;

  const OpenedOld* find_old(std::uint32_t entry) const;
  const OpenedNew* find_new(std::uint32_t entry) const;
  bool empty() const { return old_files.empty() && new_files.empty(); }
  std::size_t parts() const;  ///< see kMostParts of patch_group.hpp: files and streams
};

void encode_opened(const OpenedFiles& opened, ByteWriter& out);

/// Checks all that can be checked without the trees. What is named is taken off `parts_left`.   Errors: corrupt.
Result<OpenedFiles> decode_opened(ByteReader& in, std::size_t& parts_left);

/// Whether these can be files of the two trees.
/// Errors: corrupt  one is not there, no file that is made, or cannot be so long or so short.
Result<void> check_opened(const OpenedFiles& opened, const Tree& base, const ToldTree& told);

}  // namespace upswarm::package
