#include "protocol/package/encode/stream_packer.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/package/decode/chunker.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {
namespace {

// Chosen from measurements: docs/decisions/0009-frames-with-a-past.md.
constexpr std::size_t kSmallFrame = 16 << 10;  // small chunks share a frame up to here
// An edit in a large file costs an eighth of it at most.
constexpr std::size_t kPartsOfAFile = 8;
constexpr std::size_t kSegment = 256 << 10;
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
                           std::size_t threads, std::function<Result<void>(ByteView)> sink)
    : files_(files),
      folder_(folder),
      index_(index),
      settings_(settings),
      sink_(std::move(sink)),
      pool_(threads, settings.level, [this](const PackedFrame& frame) { return take(frame); }),
      similar_(index.tree.total_size()) {
  index_.contents.resize(index_.tree.entries.size());
}

Result<void> StreamPacker::add_file(std::uint32_t entry, const std::stop_token& stop) {
  const auto& about = index_.tree.entries[entry];
  const auto path = place_of(folder_, about.path);
  UPSWARM_TRY(const auto file, files_.open(path));
  Sha256Hasher hasher;
  Bytes offset;
  const bool has_own_frames = about.size.count > kSmallFrame * kPartsOfAFile;
  if (has_own_frames && frame_ != 0) end_frame();
  frame_limit_ = std::clamp<std::size_t>(about.size.count / kPartsOfAFile, kSmallFrame, kSegment);
  UPSWARM_CHECK(each_chunk(*file, [&](ByteView content) -> Result<void> {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "pack " + path.string(), "stopped"};
    hasher.update(content);
    const auto digest = chunk_digest(sha256(content));
    UPSWARM_CHECK(add_chunk(content, digest, entry, offset));
    offset += Bytes{content.size()};
    return {};
  }));
  if (has_own_frames && frame_ != 0) end_frame();
  if (hasher.finish() != about.digest) return changed(path);
  return {};
}

Result<void> StreamPacker::add_chunk(ByteView content, const ChunkDigest& digest, std::uint32_t entry, Bytes offset) {
  auto& numbers = index_.contents[entry];
  if (const auto found = seen_.find(digest); found != seen_.end()) {
    numbers.push_back(found->second);
    return {};
  }
  if (frame_ != 0 && frame_ + content.size() > frame_limit_) end_frame();
  // A frame that begins here has room in its segment.
  if (frame_ == 0 && !segment_.content.empty() &&
      segment_.content.size() + std::max(content.size(), frame_limit_) > kSegment + kSegment / 4)
    UPSWARM_CHECK(end_segment());
  const auto number = static_cast<std::uint32_t>(index_.chunks.size());
  index_.chunks.push_back({stream_, Bytes{content.size()}, digest, entry, offset});
  numbers.push_back(number);
  if (seen_.size() < kMostSeen) seen_.emplace(digest, number);
  segment_.content.insert(segment_.content.end(), content.begin(), content.end());
  if (settings_.far.count != 0) samples_.emplace_back(number, similar_.sample(content));
  stream_ += Bytes{content.size()};
  frame_ += content.size();
  ++frame_chunks_;
  return {};
}

void StreamPacker::end_frame() {
  const auto first = static_cast<std::uint32_t>(index_.chunks.size()) - frame_chunks_;
  index_.frames.push_back({.offset = {},
                           .length = {},
                           .start = stream_ - Bytes{frame_},
                           .size = Bytes{frame_},
                           .sha256 = {},
                           .first_chunk = first,
                           .chunks = frame_chunks_});
  segment_.sizes.push_back(frame_);
  frame_ = 0;
  frame_chunks_ = 0;
}

Result<void> StreamPacker::end_segment() {
  Segment segment;
  segment.frames = static_cast<std::uint32_t>(segment_.sizes.size());
  segment.first_frame = static_cast<std::uint32_t>(index_.frames.size()) - segment.frames;
  segment.near = Bytes{recent_.size()};
  const auto start = index_.frames[segment.first_frame].start;
  UPSWARM_CHECK(add_far(segment, start - segment.near, segment_.dictionary));
  segment_.dictionary.insert(segment_.dictionary.end(), recent_.begin(), recent_.end());
  index_.segments.push_back(std::move(segment));
  for (const auto& [chunk, samples] : samples_) similar_.add(chunk, samples);
  samples_.clear();
  recent_.insert(recent_.end(), segment_.content.begin(), segment_.content.end());
  const auto too_much = recent_.size() - std::min<std::size_t>(recent_.size(), settings_.near.count);
  recent_.erase(recent_.begin(), recent_.begin() + static_cast<std::ptrdiff_t>(too_much));
  auto full = std::move(segment_);
  segment_ = {};
  return pool_.add(std::move(full));
}

/// The chunks before the near part that are most like the segment.
Result<void> StreamPacker::add_far(Segment& segment, Bytes near_start, ByteBuffer& dictionary) {
  SimilarChunks::Samples all;
  for (const auto& [chunk, samples] : samples_) all.insert(all.end(), samples.begin(), samples.end());
  auto left = settings_.far;
  for (const auto& found : similar_.find(all)) {
    const auto& chunk = index_.chunks[found.chunk];
    if (chunk.start + chunk.size > near_start || chunk.size > left) continue;
    left -= chunk.size;
    segment.far.push_back(found.chunk);
    if (segment.far.size() == kMostFarChunks) break;
  }
  std::ranges::sort(segment.far);
  for (const auto chunk : segment.far) UPSWARM_CHECK(read_chunk(chunk, dictionary));
  return {};
}

Result<void> StreamPacker::read_chunk(std::uint32_t chunk, ByteBuffer& to) {
  const auto& about = index_.chunks[chunk];
  const auto path = place_of(folder_, index_.tree.entries[about.entry].path);
  UPSWARM_TRY(const auto file, files_.open(path));
  const auto at = to.size();
  to.resize(at + about.size.count);
  const auto part = std::span(to).subspan(at);
  UPSWARM_TRY(const auto count, file->read_at(about.offset, part));
  // A dictionary that the receiver does not have would make a package that nobody can unpack.
  if (count != part.size() || chunk_digest(sha256(part)) != about.digest) return changed(path);
  return {};
}

Result<void> StreamPacker::take(const PackedFrame& frame) {
  auto& about = index_.frames[collected_++];
  about.length = Bytes{frame.bytes.size()};
  about.sha256 = frame.sha256;
  return sink_(as_bytes(frame.bytes));
}

Result<void> StreamPacker::finish() {
  if (frame_ != 0) end_frame();
  if (!segment_.sizes.empty()) UPSWARM_CHECK(end_segment());
  return pool_.finish();
}

}  // namespace upswarm::package
