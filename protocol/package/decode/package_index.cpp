#include "protocol/package/decode/package_index.hpp"

#include <algorithm>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kFrameRecord = 40;
constexpr std::size_t kSegmentRecord = 12;
constexpr std::size_t kChunkRecord = 4;
constexpr std::uint32_t kSeenBefore = std::uint32_t{1} << 31U;
constexpr Bytes kLongestPackedFrame = kLongestFrame + 64_KiB;  // what does not compress grows a little

Error corrupt(std::string why) { return corrupt_package("a full package", std::move(why)); }

Result<void> read_frames(ByteReader& in, Bytes first, Bytes file_size, PackageIndex& index) {
  const auto count = in.u32();
  if (count > in.left() / kFrameRecord) return corrupt("it names more frames than its index can hold");
  index.frames.reserve(count);
  auto at = first;
  Bytes start;
  for (std::uint32_t i = 0; i < count; ++i) {
    Frame frame;
    frame.offset = at;
    frame.start = start;
    frame.length = Bytes{in.u32()};
    frame.size = Bytes{in.u32()};
    frame.sha256 = in.digest();
    if (frame.size > kLongestFrame || frame.size.count == 0) return corrupt("a frame has an impossible size");
    if (frame.length.count == 0 || frame.length > kLongestPackedFrame || frame.length > file_size - at)
      return corrupt("a frame lies outside the file");
    at += frame.length;
    start += frame.size;
    index.frames.push_back(frame);
  }
  if (at != file_size) return corrupt("its length is not what the index says");
  return {};
}

Result<Segment> read_segment(ByteReader& in, std::uint32_t first_frame, const std::vector<Frame>& frames) {
  Segment segment;
  segment.first_frame = first_frame;
  segment.frames = in.u32();
  segment.near = Bytes{in.u32()};
  const auto far = in.u32();
  if (segment.frames == 0 || segment.frames > frames.size() - first_frame)
    return corrupt("a segment has frames that are not there");
  const auto& last = frames[first_frame + segment.frames - 1];
  const auto start = frames[first_frame].start;
  if (last.start + last.size - start > kLongestSegment) return corrupt("a segment is longer than any may be");
  if (segment.near > start || segment.near > kLongestDictionary)
    return corrupt("a segment has an impossible dictionary");
  if (far > kMostFarChunks || far > in.left() / kChunkRecord)
    return corrupt("a segment names more chunks than any may");
  for (std::uint32_t i = 0; i < far; ++i) segment.far.push_back(in.u32());
  return segment;
}

Result<void> read_segments(ByteReader& in, PackageIndex& index) {
  const auto count = in.u32();
  if (count > in.left() / kSegmentRecord) return corrupt("it names more segments than its index can hold");
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    UPSWARM_TRY(auto segment, read_segment(in, next, index.frames));
    next += segment.frames;
    index.segments.push_back(std::move(segment));
  }
  if (next != index.frames.size()) return corrupt("a frame belongs to no segment");
  return {};
}

/// The chunks of one file.
Result<void> read_content(ByteReader& in, std::uint32_t number, Bytes& start, PackageIndex& index) {
  const auto& entry = index.tree.entries[number];
  auto& content = index.contents[number];
  const auto count = in.u32();
  if (count > in.left() / kChunkRecord) return corrupt("it names more chunks than its index can hold");
  content.reserve(count);
  Bytes sum;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto field = in.u32();
    if ((field & kSeenBefore) != 0) {
      const auto seen = field & ~kSeenBefore;
      if (seen >= index.chunks.size()) return corrupt("a file names a chunk that did not come before it");
      content.push_back(seen);
      sum += index.chunks[seen].size;
    } else {
      Chunk chunk{.start = start, .size = Bytes{field}, .digest = {}, .entry = number, .offset = sum};
      if (chunk.size.count == 0 || chunk.size > kLongestChunk) return corrupt("a chunk has an impossible size");
      if (count == 1) chunk.digest = chunk_digest(entry.digest);
      else std::ranges::copy(std::as_bytes(std::span(in.raw(chunk.digest.size()))), chunk.digest.begin());
      content.push_back(static_cast<std::uint32_t>(index.chunks.size()));
      sum += chunk.size;
      start += chunk.size;
      index.chunks.push_back(chunk);
    }
    if (sum > entry.size) return corrupt("the chunks of " + entry.path + " are more than the file");
  }
  if (sum != entry.size || !in.good()) return corrupt("the chunks of " + entry.path + " are less than the file");
  return {};
}

Result<void> read_contents(ByteReader& in, PackageIndex& index) {
  index.contents.resize(index.tree.entries.size());
  Bytes start;
  for (std::uint32_t i = 0; i < index.tree.entries.size(); ++i) {
    if (index.tree.entries[i].type == FileType::regular) UPSWARM_CHECK(read_content(in, i, start, index));
  }
  if (start != index.stream_size()) return corrupt("its frames are not what its files are made of");
  return {};
}

/// Every frame holds whole chunks.
Result<void> place_chunks(PackageIndex& index) {
  std::uint32_t next = 0;
  for (auto& frame : index.frames) {
    frame.first_chunk = next;
    const auto end = frame.start + frame.size;
    while (next < index.chunks.size() && index.chunks[next].start + index.chunks[next].size <= end) ++next;
    frame.chunks = next - frame.first_chunk;
    const auto reached = next < index.chunks.size() ? index.chunks[next].start : index.stream_size();
    if (reached != end) return corrupt("a chunk lies across the end of its frame");
  }
  return {};
}

Result<void> check_dictionaries(const PackageIndex& index) {
  for (const auto& segment : index.segments) {
    const auto near_start = index.frames[segment.first_frame].start - segment.near;
    auto sum = segment.near;
    for (const auto number : segment.far) {
      if (number >= index.chunks.size() || index.chunks[number].start + index.chunks[number].size > near_start)
        return corrupt("a dictionary names a chunk that does not come before it");
      sum += index.chunks[number].size;
    }
    if (sum > kLongestDictionary) return corrupt("a dictionary is longer than any may be");
  }
  return {};
}

}  // namespace

ChunkDigest chunk_digest(const Sha256& content) {
  ChunkDigest digest;
  std::copy_n(content.bytes.begin(), digest.size(), digest.begin());
  return digest;
}

Bytes PackageIndex::stream_size() const { return frames.empty() ? Bytes{} : frames.back().start + frames.back().size; }

Result<PackageIndex> decode_package_index(std::string_view bytes, Bytes first, Bytes file_size) {
  PackageIndex index;
  ByteReader in(bytes);
  UPSWARM_TRY(index.tree, decode_tree(in.raw(in.u64()), "the tree of a package"));
  UPSWARM_CHECK(read_frames(in, first, file_size, index));
  UPSWARM_CHECK(read_segments(in, index));
  UPSWARM_CHECK(read_contents(in, index));
  if (!in.is_at_end()) return corrupt("its index is cut off, or longer than it says");
  UPSWARM_CHECK(place_chunks(index));
  UPSWARM_CHECK(check_dictionaries(index));
  return index;
}

}  // namespace upswarm::package
