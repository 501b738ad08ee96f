// Sparse fetch: which frames of a full package a machine lacks, given what lies on its disk. The plan is pure.
#pragma once

#include <functional>
#include <map>
#include <stop_token>

#include "protocol/package/decode/package_index.hpp"

namespace upswarm::package {

/// Error::reason of an unpacking that met other bytes than it was promised.
inline constexpr const char* kLocalChanged = "local_changed";
inline constexpr const char* kFrameAltered = "frame_altered";

using ProgressSink = std::function<void(const Progress&)>;

/// Where a chunk lies in a local file.
struct LocalPlace {
  std::uint32_t file = 0;  ///< in LocalChunks::files
  Bytes offset;
  Bytes size;
};

/// What a local tree could give. About 100 bytes of memory a chunk (64 KiB of content, or a small file).
struct LocalChunks {
  std::vector<Path> files;
  std::map<ChunkDigest, LocalPlace> places;
};

/// Cuts every regular file under `folder` as a packer would, and adds its chunks; several trees may be scanned into
/// one. Nothing it finds is trusted later: chunks are verified when they are read. A file that cannot be read is left
/// out. Errors: cancelled; as Files for the folder itself.
Result<void> scan_chunks(Files& files, const Path& folder, LocalChunks& local, const ProgressSink& progress,
                         const std::stop_token& stop);

struct SparsePlan {
  std::vector<std::uint32_t> frames;  ///< to be fetched, rising
  Bytes fetched;                      ///< their compressed bytes, without the index
  Bytes from_disk;                    ///< content (not compressed) that is taken from local files
  std::vector<LocalPlace> chunks;     ///< for each chunk of the index where it lies; size 0: in its frame
};

/// The fewest frames that give what `local` lacks. A frame whose chunks are all at hand is not fetched; what it would
/// give serves as the dictionary of others in any case.
SparsePlan plan_sparse(const PackageIndex& index, const LocalChunks& local);

}  // namespace upswarm::package
