// A group: some files of the new tree, made together from some files of the old one. Format: docs/formats.md.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "protocol/base/units.hpp"
#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/reference_coding.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {

inline constexpr Bytes kLargestSpace = 4_GiB - 64_MiB;
inline constexpr std::size_t kMostCopies = 1U << 19U;  ///< of a group
inline constexpr std::size_t kMostRegions = 1U << 16U;
inline constexpr std::size_t kMostImages = 1U << 14U;
inline constexpr std::size_t kMostAnchors = 1U << 17U;  ///< of all images
inline constexpr std::size_t kMostGroups = 1U << 16U;   ///< of a delta
/// What all groups of a delta may name together: old runs, images, segments, anchors, regions,
/// hints; images count twice. At most 64 bytes each of
/// the applier's memory.
inline constexpr std::size_t kMostParts = 1U << 20U;

/// The streams of a group, in the order in which they stand in the file.
enum class Stream : std::uint8_t {
  extra_lengths,  ///< new bytes before a copy: varint
  copy_lengths,   ///< varint
  seeks,          ///< where a copy comes from, relative to the end of the one before: zigzag
  tokens,         ///< how references are told: runs that are as predicted, then one that is not
  references,     ///< those that are neither as predicted nor as before: zigzag distance from the prediction
  gaps,           ///< bytes between two differences: varint
  differences,    ///< what is added to four bytes (fewer at the end of a slice), as one little-endian number
  extra,          ///< new bytes
};
inline constexpr std::size_t kStreams = 8;
const char* name_of(Stream stream);

/// Of kDeltaFilters, the one that a region needs.
constexpr std::string_view filter_of(RegionKind kind) { return has_anchors(kind) ? kObjectFilter : kCodeFilter; }

/// Windows are what the applier's memory goes to: the sum over the five that are open at once is 18 MiB.
constexpr int window_log_of(Stream stream) {
  if (stream == Stream::extra) return 23;
  return stream == Stream::differences ? 22 : 21;
}

struct StreamExtent {
  Bytes size;    ///< as the patch reads it
  Bytes length;  ///< in the file
  bool is_compressed = false;
};

/// A part of an old file, or a whole one.
struct OldPiece {
  std::uint32_t entry = 0;  ///< of the base's tree
  Bytes begin;
  Bytes length;
};

inline constexpr Bytes kLargestPrefix = 24_MiB;    ///< old content that a frame is made against
inline constexpr Bytes kLargestPrefixed = 12_MiB;  ///< new content of such a frame

/// Files of the base in a row, or a part of one.
struct OldRun {
  std::uint32_t entry = 0;  ///< of the base's tree, the first one
  std::uint32_t count = 0;  ///< of whole files from there on; 0 for a part
  Bytes begin;              ///< of a part
  Bytes length;
};

/// Files that are not empty: the only ones that runs count.
inline bool has_content(const TreeEntry& entry) { return entry.type == FileType::regular && entry.size > Bytes{}; }

struct PatchGroup {
  /// Made by zstd with the old space as a prefix (RFC 8878): one frame, the only stream (Stream::extra). No layout, no
  /// copies.
  bool is_prefixed = false;
  bool has_memory = false;  ///< differences are what DifferenceMemory does not predict
  std::vector<OldRun> old_runs;
  Bytes old_length;  ///< of all of them: end to end they are the old space
  Bytes new_length;  ///< of the new files' content, end to end, that this group makes
  Layout layout;
  std::uint64_t copies = 0;
  std::array<StreamExtent, kStreams> streams;

  Bytes packed_length() const;  ///< of all streams in the file
  std::size_t parts() const;    ///< see kMostParts
};

void encode_group(const PatchGroup& group, ByteWriter& out);

/// Checks all that can be checked without the base. `parts_left` is what the delta may still name of kMostParts; what
/// this group names is taken off.   Errors: corrupt.
Result<PatchGroup> decode_group(ByteReader& in, std::size_t& parts_left);

struct OpenedFiles;

/// The files that the runs of `group` mean, each at most once; those of `opened` are as long as they are opened.
/// Errors: corrupt  the base does not have them, or they are not as long.
Result<std::vector<OldPiece>> find_old_pieces(const PatchGroup& group, const Tree& base, const OpenedFiles& opened);

}  // namespace upswarm::package
