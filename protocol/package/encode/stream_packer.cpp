#include "protocol/package/encode/stream_packer.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/package/decode/chunker.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {
namespace {

// A file of so many small frames shares none with others.
constexpr std::size_t kOwnFrames = 8;
// An edit in a larger one costs a chunk, or a 64th of it.
constexpr std::size_t kPartsOfAFile = 64;
// Less than this in a job, and it sees too little of what came before it.
constexpr Bytes kSmallestJob = 6_MiB;
constexpr std::size_t kMostSeen = std::size_t{1} << 20U;  // chunks that later ones are compared with: 64 MB of memory

Error changed(const Path& path) {
  return {ErrorKind::busy, "pack " + path.string(), "it changed while it was being packed"};
}

}  // namespace

std::size_t StreamPacker::DigestHash::operator()(const ChunkDigest& digest) const {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

StreamPacker::StreamPacker(Files& files, const Path& folder, PackageIndex& index, const PackSettings& settings,
                           Bytes small_frame, std::size_t threads, std::function<Result<void>(ByteView)> sink)
    : files_(files),
      folder_(folder),
      index_(index),
      settings_(settings),
      sink_(std::move(sink)),
      pool_(threads, settings.encoder, [this](const PackedFrame& frame) { return take(frame); }),
      far_(settings.history),
      // Two threads have something to do in small trees, too.
      job_limit_(
          std::clamp(Bytes{index.tree.total_size().count / 2}, std::min(kSmallestJob, settings.job), settings.job)
              .count),
      small_frame_(std::clamp(small_frame, 1_B, kLongestFrame).count) {
  index_.history = settings.history;
  // Growing by steps would hold it twice. What is not written is not taken.
  window_.reserve(std::min(settings.history.count, index.tree.total_size().count) + job_limit_ + kLongestFrame.count);
}

Result<void> StreamPacker::add_file(std::uint32_t entry, const std::stop_token& stop) {
  const auto& about = index_.tree.entries[entry];
  const auto path = place_of(folder_, about.path);
  UPSWARM_TRY(const auto file, files_.open(path));
  Sha256Hasher hasher;
  Bytes offset;
  std::size_t chunks = 0;
  const bool has_own_frames = about.size.count > small_frame_ * kOwnFrames;
  if (has_own_frames) UPSWARM_CHECK(end_frame());
  frame_limit_ = std::clamp<std::size_t>(about.size.count / kPartsOfAFile, small_frame_, kLongestFrame.count);
  UPSWARM_CHECK(each_chunk(*file, [&](ByteView content) -> Result<void> {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "pack " + path.string(), "stopped"};
    const auto digest = sha256(content);
    if (Bytes{content.size()} == about.size && digest != about.digest) return changed(path);
    if (Bytes{content.size()} != about.size) hasher.update(content);
    UPSWARM_CHECK(add_chunk(content, chunk_digest(digest), entry, offset));
    offset += Bytes{content.size()};
    ++chunks;
    return {};
  }));
  if (has_own_frames) UPSWARM_CHECK(end_frame());
  if (offset != about.size || (chunks != 1 && hasher.finish() != about.digest)) return changed(path);
  return {};
}

Result<void> StreamPacker::add_chunk(ByteView content, const ChunkDigest& digest, std::uint32_t entry, Bytes offset) {
  if (const auto found = seen_.find(digest); found != seen_.end()) {
    index_.contents.add(found->second);
    return {};
  }
  if (frame_ + content.size() > frame_limit_) UPSWARM_CHECK(end_frame());
  const auto number = static_cast<std::uint32_t>(index_.chunks.size());
  index_.chunks.push_back({stream_, offset, entry, static_cast<std::uint32_t>(content.size()), digest});
  index_.contents.add(number);
  if (seen_.size() < kMostSeen) seen_.emplace(digest, number);
  window_.insert(window_.end(), content.begin(), content.end());
  stream_ += Bytes{content.size()};
  frame_ += content.size();
  ++frame_chunks_;
  return {};
}

/// Of a frame that has something in it.
Result<void> StreamPacker::end_frame() {
  if (frame_ == 0) return {};
  const auto first = static_cast<std::uint32_t>(index_.chunks.size()) - frame_chunks_;
  index_.frames.push_back({.offset = {},
                           .length = {},
                           .start = stream_ - Bytes{frame_},
                           .size = Bytes{frame_},
                           .sha256 = {},
                           .first_chunk = first,
                           .chunks = frame_chunks_});
  sizes_.push_back(frame_);
  frame_ = 0;
  frame_chunks_ = 0;
  return window_.size() - window_history_ < job_limit_ ? Result<void>() : end_job();
}

Result<void> StreamPacker::end_job() {
  FrameJob job;
  job.far = far_.find(window_, window_history_, stream_ - Bytes{window_.size()});
  job.before = std::min<std::size_t>(window_history_, settings_.before.count);
  job.bytes.assign(window_.end() - static_cast<std::ptrdiff_t>(window_.size() - window_history_ + job.before),
                   window_.end());
  job.sizes = std::move(sizes_);
  sizes_.clear();
  const auto too_much = window_.size() - std::min<std::size_t>(window_.size(), settings_.history.count);
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(too_much));
  window_history_ = window_.size();
  return pool_.add(std::move(job));
}

Result<void> StreamPacker::take(const PackedFrame& frame) {
  auto& about = index_.frames[collected_++];
  about.length = Bytes{frame.bytes.size()};
  about.sha256 = frame.sha256;
  return sink_(as_bytes(frame.bytes));
}

Result<void> StreamPacker::finish() {
  UPSWARM_CHECK(end_frame());
  if (!sizes_.empty()) UPSWARM_CHECK(end_job());
  return pool_.finish();
}

}  // namespace upswarm::package
