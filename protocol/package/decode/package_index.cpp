#include "protocol/package/decode/package_index.hpp"

#include <algorithm>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kFrameRecord = 40;
constexpr std::size_t kChunkRecord = 4;
constexpr std::uint32_t kSeenBefore = std::uint32_t{1} << 31U;
constexpr Bytes kLongestPackedFrame = kLongestFrame + 64_KiB;  // what does not compress grows a little

Error corrupt(std::string why) { return corrupt_package("a full package", std::move(why)); }

Result<void> read_tree(ByteReader& in, PackageIndex& index) {
  UPSWARM_TRY(index.tree, decode_outline(in.raw(in.u64()), "the tree of a package"));
  for (auto& entry : index.tree.entries) {
    if (entry.type == FileType::regular) entry.digest = in.digest();
  }
  return {};
}

/// Column by column: lengths, numbers of chunks, digests.
Result<void> read_frames(ByteReader& in, Bytes first, Bytes file_size, PackageIndex& index) {
  index.history = Bytes{in.u32()};
  if (index.history > kLongestHistory) return corrupt("it asks for more history than any may");
  const auto count = in.u32();
  if (count > in.left() / kFrameRecord) return corrupt("it names more frames than its index can hold");
  index.frames.resize(count);
  auto at = first;
  for (auto& frame : index.frames) {
    frame.offset = at;
    frame.length = Bytes{in.u32()};
    if (frame.length.count == 0 || frame.length > kLongestPackedFrame || frame.length > file_size - at)
      return corrupt("a frame lies outside the file");
    at += frame.length;
  }
  if (at != file_size) return corrupt("its length is not what the index says");
  for (auto& frame : index.frames) frame.chunks = in.u32();
  for (auto& frame : index.frames) frame.sha256 = in.digest();
  return {};
}

/// The chunks of one file; the last one is what the others leave.
Result<void> read_content(ByteReader& in, std::uint32_t number, Bytes& start, PackageIndex& index) {
  const auto& entry = index.tree.entries[number];
  const auto count = in.u32();
  if (count > in.left() / kChunkRecord) return corrupt("it names more chunks than its index can hold");
  Bytes sum;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto field = in.u32();
    if ((field & kSeenBefore) != 0) {
      const auto seen = field & ~kSeenBefore;
      if (seen >= index.chunks.size()) return corrupt("a file names a chunk that did not come before it");
      index.contents.add(seen);
      sum += index.chunks[seen].size();
    } else {
      const bool is_last = i + 1 == count;
      if (is_last && field != 0) return corrupt("the last chunk of a file has a size of its own");
      const auto size = is_last ? entry.size - sum : Bytes{field};
      if (size.count == 0 || size > kLongestChunk) return corrupt("a chunk has an impossible size");
      index.contents.add(static_cast<std::uint32_t>(index.chunks.size()));
      index.chunks.push_back({start, sum, number, static_cast<std::uint32_t>(size.count), {}});
      sum += size;
      start += size;
    }
    if (sum > entry.size) return corrupt("the chunks of " + entry.path + " are more than the file");
  }
  if (sum != entry.size || !in.good()) return corrupt("the chunks of " + entry.path + " are less than the file");
  return {};
}

std::size_t chunks_in_frames(const PackageIndex& index) {
  std::size_t sum = 0;
  for (const auto& frame : index.frames) sum += frame.chunks;
  return sum;
}

Result<void> read_contents(ByteReader& in, PackageIndex& index) {
  // What place_frames() will find there, if all is well: memory for more would be taken by and by.
  const auto chunks = std::min(chunks_in_frames(index), in.left() / kChunkRecord);
  index.chunks.reserve(chunks);
  index.contents.reserve(index.tree.entries.size(), chunks);
  Bytes start;
  for (std::uint32_t i = 0; i < index.tree.entries.size(); ++i) {
    if (index.tree.entries[i].type == FileType::regular) UPSWARM_CHECK(read_content(in, i, start, index));
    index.contents.end_entry();
  }
  for (auto& chunk : index.chunks) {
    if (index.contents[chunk.entry].size() == 1) chunk.digest = chunk_digest(index.tree.entries[chunk.entry].digest);
    else std::ranges::copy(std::as_bytes(std::span(in.raw(chunk.digest.size()))), chunk.digest.begin());
  }
  return {};
}

Result<void> place_frames(PackageIndex& index) {
  std::uint32_t next = 0;
  Bytes start;
  for (auto& frame : index.frames) {
    if (frame.chunks == 0 || frame.chunks > index.chunks.size() - next)
      return corrupt("a frame has chunks that are not there");
    frame.first_chunk = next;
    frame.start = start;
    next += frame.chunks;
    const auto& last = index.chunks[next - 1];
    frame.size = last.start + last.size() - start;
    if (frame.size > kLongestFrame) return corrupt("a frame has an impossible size");
    start += frame.size;
  }
  if (next != index.chunks.size()) return corrupt("a chunk belongs to no frame");
  return {};
}

}  // namespace

ChunkDigest chunk_digest(const Sha256& content) {
  ChunkDigest digest;
  std::copy_n(content.bytes.begin(), digest.size(), digest.begin());
  return digest;
}

void ChunkLists::reserve(std::size_t entries, std::size_t chunks) {
  ends_.reserve(entries);
  chunks_.reserve(chunks);
}

void ChunkLists::add_again(std::size_t entry) {
  const std::size_t begin = entry == 0 ? 0 : ends_[entry - 1];
  for (auto i = begin; i < ends_[entry]; ++i) chunks_.push_back(std::uint32_t{chunks_[i]});
}

Bytes PackageIndex::stream_size() const { return frames.empty() ? Bytes{} : frames.back().start + frames.back().size; }

Result<PackageIndex> decode_package_index(std::string_view bytes, Bytes first, Bytes file_size) {
  PackageIndex index;
  ByteReader in(bytes);
  UPSWARM_CHECK(read_tree(in, index));
  UPSWARM_CHECK(read_frames(in, first, file_size, index));
  UPSWARM_CHECK(read_contents(in, index));
  if (!in.is_at_end()) return corrupt("its index is cut off, or longer than it says");
  UPSWARM_CHECK(place_frames(index));
  return index;
}

}  // namespace upswarm::package
