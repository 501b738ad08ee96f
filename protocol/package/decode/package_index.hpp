// The index of a full package (.upk): what a tree is made of, and where it lies. Format to the byte: docs/formats.md.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "protocol/package/tree.hpp"

namespace upswarm::package {

inline constexpr Bytes kLongestPackageIndex = 256_MiB;  ///< compressed, and decompressed
inline constexpr Bytes kLongestChunk = 256_KiB;
inline constexpr Bytes kLongestFrame = 256_KiB;   ///< decompressed
inline constexpr Bytes kLongestHistory = 32_MiB;  ///< what a program that unpacks has to keep in memory

/// The first half of the SHA-256 of a chunk's content: enough to name it (nobody can make a second content for a given
/// one), too little to be an authority: what was put together from chunks is verified by the digest of the file.
using ChunkDigest = std::array<std::byte, 16>;
ChunkDigest chunk_digest(const Sha256& content);

/// One zstd frame of a package. Its dictionary is the content that comes just before it: a receiver has that when the
/// frame's turn comes, from the package or from its disk.
struct Frame {
  Bytes offset;   ///< from the start of the file
  Bytes length;   ///< compressed
  Bytes start;    ///< of its content in the stream of all chunks
  Bytes size;     ///< decompressed
  Sha256 sha256;  ///< of the compressed bytes
  std::uint32_t first_chunk = 0;
  std::uint32_t chunks = 0;  ///< at least 1
};

/// A run of content, stored once, however many files hold it.
struct Chunk {
  Bytes start;              ///< in the stream
  Bytes offset;             ///< in the first file of the tree that holds it
  std::uint32_t entry = 0;  ///< that file
  std::uint32_t bytes = 0;  ///< its size: at most kLongestChunk, and there may be millions
  ChunkDigest digest;

  Bytes size() const { return Bytes{bytes}; }
};

/// For each entry of a tree the numbers of its chunks: in one row, since most files have one.
class ChunkLists {
 public:
  void reserve(std::size_t entries, std::size_t chunks);
  /// One more of the entry that is not ended yet.
  void add(std::uint32_t chunk) { chunks_.push_back(chunk); }
  /// As many as `entry` has.
  void add_again(std::size_t entry);
  void end_entry() { ends_.push_back(static_cast<std::uint32_t>(chunks_.size())); }

  /// Of entries that are ended.
  std::size_t size() const { return ends_.size(); }
  std::span<const std::uint32_t> operator[](std::size_t entry) const {
    const auto begin = entry == 0 ? 0 : ends_[entry - 1];
    return std::span(chunks_).subspan(begin, ends_[entry] - begin);
  }

 private:
  std::vector<std::uint32_t> chunks_;
  std::vector<std::uint32_t> ends_;  // in chunks_, of each entry
};

struct PackageIndex {
  Tree tree;
  Bytes history;  ///< of the stream before a frame, as much as there is, is its dictionary
  std::vector<Frame> frames;
  std::vector<Chunk> chunks;  ///< in the order of the stream
  ChunkLists contents;        ///< none but for regular files

  Bytes stream_size() const;
};

/// Reads the decompressed index of a package of `file_size` bytes whose frames begin at `first`. What comes back is
/// whole: frames tile the file, chunks the frames and files.   Errors: corrupt.
Result<PackageIndex> decode_package_index(std::string_view bytes, Bytes first, Bytes file_size);

}  // namespace upswarm::package
