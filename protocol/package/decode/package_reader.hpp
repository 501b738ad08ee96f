// Reading a full package (.upk): an index, then independent zstd frames. Format to the byte: docs/formats.md.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "protocol/package/tree.hpp"

namespace upswarm::package {

inline constexpr Bytes kLongestPackageIndex = 256_MiB;
inline constexpr Bytes kLongestFrame = 8_MiB;  ///< decompressed

using ProgressSink = std::function<void(const Progress&)>;

/// One independent zstd frame of a package.
struct Frame {
  Bytes offset;   ///< from the start of the file
  Bytes length;   ///< compressed
  Bytes size;     ///< decompressed
  Sha256 sha256;  ///< of the compressed bytes
};

/// A run of a file's content inside a frame.
struct Chunk {
  std::uint32_t frame = 0;
  Bytes offset;  ///< in the decompressed frame
  Bytes size;
};

struct PackageIndex {
  Tree tree;
  std::vector<Frame> frames;
  std::vector<std::vector<Chunk>> chunks;  ///< for each tree entry, in order of content; empty but for regular files
};

/// A full package being read.
class PackageReader {
 public:
  /// Reads and checks the index: its digest must be `index_digest` when one is given (the signed one).
  /// Errors: corrupt; invalid  a format version that this program does not know, by number.
  static Result<PackageReader> open(std::unique_ptr<InputFile> file, const Sha256* index_digest);

  PackageReader(PackageReader&&) noexcept;
  PackageReader& operator=(PackageReader&&) noexcept;
  ~PackageReader();

  const PackageIndex& index() const;
  /// The length and digest of the whole index area, header included: what an entry signs.
  Bytes index_length() const;
  Sha256 index_digest() const;

  /// Unpacks the whole tree into the new folder `to` through `files`. Each frame is verified before it is decompressed,
  /// each file as it is written; every file is synced. On an error the folder may be half there: the caller removes it.
  Result<void> unpack(Files& files, const Path& to, const ProgressSink& progress, std::stop_token stop);

 private:
  struct State;
  explicit PackageReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
