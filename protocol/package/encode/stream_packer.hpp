// Content on its way into a package: cut into chunks, each once, gathered into frames, compressed.
#pragma once

#include <functional>
#include <stop_token>
#include <unordered_map>

#include "protocol/package/decode/package_index.hpp"
#include "protocol/package/encode/far_references.hpp"
#include "protocol/package/encode/frame_pool.hpp"

namespace upswarm::package {

/// What a level stands for. `history` is at least `before` and `job` together.
struct PackSettings {
  EncoderSettings encoder;
  Bytes history;  ///< of a package: how far back its frames may refer
  Bytes before;   ///< of it, what a job sees of what came before it, beside long repetitions
  Bytes job;      ///< content that one thread takes at once
  Bytes memory;   ///< that one thread takes
};

class StreamPacker {
 public:
  /// `index` has the tree, all of whose files lie in `folder`; history, frames, chunks and their numbers in contents,
  /// whose entries the caller ends, are entered into it. `sink` takes the compressed bytes, in order. All must outlive
  /// the object.
  StreamPacker(Files& files, const Path& folder, PackageIndex& index, const PackSettings& settings, Bytes small_frame,
               std::size_t threads, std::function<Result<void>(ByteView)> sink);

  /// The next regular file of the tree.   Errors: busy  it is not what the tree says; cancelled; as Files.
  Result<void> add_file(std::uint32_t entry, const std::stop_token& stop);

  /// After the last file.
  Result<void> finish();

 private:
  struct DigestHash {
    std::size_t operator()(const ChunkDigest& digest) const;
  };

  Result<void> add_chunk(ByteView content, const ChunkDigest& digest, std::uint32_t entry, Bytes offset);
  Result<void> end_frame();
  Result<void> end_job();
  Result<void> take(const PackedFrame& frame);

  Files& files_;
  const Path& folder_;
  PackageIndex& index_;
  PackSettings settings_;
  std::function<Result<void>(ByteView)> sink_;
  FramePool pool_;
  FarReferences far_;
  std::size_t job_limit_;
  std::size_t small_frame_;  // small chunks share a frame up to here

  std::unordered_map<ChunkDigest, std::uint32_t, DigestHash> seen_;
  Bytes stream_;                    // its length so far
  ByteBuffer window_;               // the end of it: what a job may refer to, then the content of the next job
  std::size_t window_history_ = 0;  // how much of that is not of the next job
  std::vector<std::size_t> sizes_;  // frames of the next job
  std::size_t frame_ = 0;           // bytes of the last frame, which is not in sizes_ yet
  std::size_t frame_limit_ = 0;
  std::uint32_t frame_chunks_ = 0;
  std::size_t collected_ = 0;  // frames that came back
};

}  // namespace upswarm::package
