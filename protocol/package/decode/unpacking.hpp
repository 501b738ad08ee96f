// One pass over a package: its content in the order of the stream, written to the files of the tree.
#pragma once

#include "protocol/base/cpu_time.hpp"
#include "protocol/package/decode/frame_decoder.hpp"
#include "protocol/package/decode/sparse.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {

/// What lies further back than a dictionary may reach is not kept: a second file that needs it reads the output.
class Unpacking {
 public:
  /// All must outlive the object.
  Unpacking(Files& files, InputFile& package, const PackageIndex& index, const Path& to);

  /// Before run(): only the frames of `plan` are in the package.
  void take_from(const SparsePlan& plan, const LocalChunks& local);

  /// As PackageReader::unpack. Once.
  Result<void> run(const ProgressSink& progress, const std::stop_token& stop, const OutputOptions& options);

 private:
  Result<void> make_file(std::uint32_t entry, const TreeOutput::GoOn& go_on);
  Result<void> write_file(std::uint32_t entry);
  std::optional<Path> old_file(std::uint32_t entry) const;
  Result<ByteView> content_of(std::uint32_t chunk);
  Result<void> next_frame();
  void skip_to(Bytes start);
  Result<void> decode(const Frame& frame, std::span<std::byte> to);
  Sha256 digest_of(ByteView bytes);
  bool is_in_kept_files(const Frame& frame) const;
  Result<void> read_kept(const Frame& frame, std::span<std::byte> to);
  Result<void> collect(const Frame& frame, std::span<std::byte> to);
  Result<void> take_local(const Chunk& chunk, const LocalPlace& place, std::span<std::byte> to);
  std::span<std::byte> make_room(Bytes size);
  ByteView history(Bytes start, Bytes size) const;
  bool is_in_history(Bytes start) const { return start >= history_start_; }
  Result<void> read_back(std::uint32_t chunk, std::span<std::byte> to);

  Files& files_;
  InputFile& package_;
  const PackageIndex& index_;
  const Path& to_;
  const SparsePlan* plan_ = nullptr;
  const LocalChunks* local_ = nullptr;

  FrameDecoder decoder_;
  TreeOutput output_;
  std::uint32_t next_frame_ = 0;
  std::size_t next_fetched_ = 0;  // in plan_->frames
  ByteBuffer history_;            // the stream from history_start_ on
  std::size_t history_length_ = 0;
  Bytes history_start_;
  ByteBuffer packed_;                  // one frame
  ByteBuffer chunk_;                   // one chunk that was read back
  std::unique_ptr<InputFile> source_;  // what was read last, and which it is
  Path source_path_;
  CpuTime digests_{};  // of what goes in: the output has its own
};

}  // namespace upswarm::package
