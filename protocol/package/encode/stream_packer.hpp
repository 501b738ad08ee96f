// Content on its way into a package: cut into chunks, each once, gathered into frames and segments, compressed.
#pragma once

#include <functional>
#include <stop_token>
#include <unordered_map>

#include "protocol/package/encode/segment_pool.hpp"
#include "protocol/package/encode/similar_chunks.hpp"

namespace upswarm::package {

/// What a level stands for.
struct PackSettings {
  int level = 0;  ///< of zstd
  Bytes near;     ///< of a dictionary: what comes just before
  Bytes far;      ///< of a dictionary: chunks that are alike
  Bytes memory;   ///< that one thread takes
};

class StreamPacker {
 public:
  /// `index` has the tree, all of whose files lie in `folder`; frames, segments, chunks and contents are entered into
  /// it. `sink` takes the compressed bytes, in order. All must outlive the object.
  StreamPacker(Files& files, const Path& folder, PackageIndex& index, const PackSettings& settings, std::size_t threads,
               std::function<Result<void>(ByteView)> sink);

  /// The next regular file of the tree.   Errors: busy  it is not what the tree says; cancelled; as Files.
  Result<void> add_file(std::uint32_t entry, const std::stop_token& stop);

  /// After the last file.
  Result<void> finish();

 private:
  struct DigestHash {
    std::size_t operator()(const ChunkDigest& digest) const;
  };

  Result<void> add_chunk(ByteView content, const ChunkDigest& digest, std::uint32_t entry, Bytes offset);
  void end_frame();
  Result<void> end_segment();
  Result<void> add_far(Segment& segment, Bytes near_start, ByteBuffer& dictionary);
  Result<void> read_chunk(std::uint32_t chunk, ByteBuffer& to);
  Result<void> take(const PackedFrame& frame);

  Files& files_;
  const Path& folder_;
  PackageIndex& index_;
  PackSettings settings_;
  std::function<Result<void>(ByteView)> sink_;
  SegmentPool pool_;
  SimilarChunks similar_;

  std::unordered_map<ChunkDigest, std::uint32_t, DigestHash> seen_;
  Bytes stream_;            // its length so far
  SegmentContent segment_;  // being gathered
  std::size_t frame_ = 0;   // bytes of its last frame, which is not in sizes yet
  std::size_t frame_limit_ = 0;
  std::uint32_t frame_chunks_ = 0;
  std::vector<std::pair<std::uint32_t, SimilarChunks::Samples>> samples_;  // of the segment's chunks
  ByteBuffer recent_;                                                      // the end of the stream before the segment
  std::size_t collected_ = 0;                                              // frames that came back
};

}  // namespace upswarm::package
