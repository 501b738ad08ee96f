#include "protocol/package/decode/package_reader.hpp"

#include <algorithm>
#include <deque>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/decode/zstd_stream.hpp"

namespace upswarm::package {
namespace {

constexpr const char* kWhat = "a full package";
constexpr std::size_t kSmallestFrame = 48;  // in the index
constexpr std::size_t kSmallestChunk = 20;
constexpr std::size_t kCachedFrames = 4;
constexpr Bytes kLongestPackedFrame = kLongestFrame + 1_MiB;  // what does not compress grows a little

Error corrupt(std::string why) { return corrupt_package(kWhat, std::move(why)); }

Result<void> read_frames(ByteReader& in, Bytes first, Bytes file_size, PackageIndex& index) {
  const auto count = in.u32();
  if (count > in.left() / kSmallestFrame) return corrupt("it names more frames than its index can hold");
  auto at = first;
  for (std::uint32_t i = 0; i < count; ++i) {
    Frame frame;
    frame.offset = at;
    frame.length = Bytes{in.u64()};
    frame.size = Bytes{in.u64()};
    frame.sha256 = in.digest();
    if (frame.size > kLongestFrame || frame.size.count == 0) return corrupt("a frame has an impossible size");
    if (frame.length.count == 0 || frame.length > kLongestPackedFrame || frame.length > file_size - at)
      return corrupt("a frame lies outside the file");
    at += frame.length;
    index.frames.push_back(frame);
  }
  if (at != file_size) return corrupt("its length is not what the index says");
  return {};
}

Result<void> read_chunks(ByteReader& in, PackageIndex& index) {
  index.chunks.resize(index.tree.entries.size());
  for (std::size_t i = 0; i < index.tree.entries.size(); ++i) {
    const auto& entry = index.tree.entries[i];
    if (entry.type != FileType::regular) continue;
    const auto count = in.u32();
    if (count > in.left() / kSmallestChunk) return corrupt("it names more chunks than its index can hold");
    Bytes sum;
    for (std::uint32_t k = 0; k < count; ++k) {
      Chunk chunk;
      chunk.frame = in.u32();
      chunk.offset = Bytes{in.u64()};
      chunk.size = Bytes{in.u64()};
      if (chunk.frame >= index.frames.size()) return corrupt("a chunk names a frame that is not there");
      const auto& frame = index.frames[chunk.frame];
      if (chunk.offset > frame.size || chunk.size > frame.size - chunk.offset || chunk.size.count == 0)
        return corrupt("a chunk lies outside its frame");
      sum += chunk.size;
      if (sum > entry.size) return corrupt("the chunks of " + entry.path + " are more than the file");
      index.chunks[i].push_back(chunk);
    }
    if (sum != entry.size) return corrupt("the chunks of " + entry.path + " are less than the file");
  }
  return {};
}

}  // namespace

struct PackageReader::State {
  std::unique_ptr<InputFile> file;
  PackageIndex index;
  Bytes index_length;
  Sha256 index_digest;
  std::deque<std::pair<std::uint32_t, std::string>> cache;  // decompressed frames, the latest first

  Result<const std::string*> frame(std::uint32_t number);
  Result<void> write_file(Files& files, const Path& to, std::size_t entry);
};

PackageReader::PackageReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
PackageReader::PackageReader(PackageReader&&) noexcept = default;
PackageReader& PackageReader::operator=(PackageReader&&) noexcept = default;
PackageReader::~PackageReader() = default;

const PackageIndex& PackageReader::index() const { return state_->index; }
Bytes PackageReader::index_length() const { return state_->index_length; }
Sha256 PackageReader::index_digest() const { return state_->index_digest; }

Result<PackageReader> PackageReader::open(std::unique_ptr<InputFile> file, const Sha256* index_digest) {
  auto state = std::make_unique<State>();
  UPSWARM_TRY(const auto info, file->info());
  UPSWARM_TRY(const auto header, read_header(*file, kPackageHeader, kPackageMagic, kPackageVersion, kWhat));
  ByteReader in(std::string_view(header).substr(kCommonHeader));
  const Bytes compressed{in.u64()};
  const Bytes size{in.u64()};
  if (size > kLongestPackageIndex || compressed > kLongestPackageIndex ||
      compressed > info.size - Bytes{kPackageHeader})
    return corrupt("its index has an impossible length");
  UPSWARM_TRY(const auto packed, read_exactly(*file, Bytes{kPackageHeader}, compressed, kWhat));
  Sha256Hasher hasher;
  hasher.update(as_bytes(header));
  hasher.update(as_bytes(packed));
  state->index_digest = hasher.finish();
  state->index_length = Bytes{kPackageHeader} + compressed;
  // Before anything is decompressed: what follows may trust the index as far as its signer.
  if (index_digest != nullptr && *index_digest != state->index_digest)
    return corrupt("its index is not the signed one");
  UPSWARM_TRY(const auto bytes, decompress(as_bytes(packed), size, "the index of a package"));
  ByteReader body(bytes);
  UPSWARM_TRY(state->index.tree, decode_tree(body.raw(body.u64()), "the tree of a package"));
  UPSWARM_CHECK(read_frames(body, state->index_length, info.size, state->index));
  UPSWARM_CHECK(read_chunks(body, state->index));
  if (!body.is_at_end()) return corrupt("its index is cut off, or longer than it says");
  state->file = std::move(file);
  return PackageReader(std::move(state));
}

Result<const std::string*> PackageReader::State::frame(std::uint32_t number) {
  const auto cached = std::ranges::find_if(cache, [&](const auto& one) { return one.first == number; });
  if (cached != cache.end()) return &cached->second;
  const auto& frame = index.frames.at(number);
  UPSWARM_TRY(const auto packed, read_exactly(*file, frame.offset, frame.length, kWhat));
  if (sha256(packed) != frame.sha256) return corrupt("frame " + std::to_string(number) + " was altered");
  UPSWARM_TRY(auto bytes, decompress(as_bytes(packed), frame.size, "frame " + std::to_string(number)));
  if (cache.size() == kCachedFrames) cache.pop_back();
  cache.emplace_front(number, std::move(bytes));
  return &cache.front().second;
}

Result<void> PackageReader::State::write_file(Files& files, const Path& to, std::size_t entry) {
  UPSWARM_TRY(auto out, FileOutput::create(files, to, index.tree.entries[entry]));
  for (const auto& chunk : index.chunks[entry]) {
    UPSWARM_TRY(const auto* const bytes, frame(chunk.frame));
    UPSWARM_CHECK(out.write(as_bytes(std::string_view(*bytes).substr(chunk.offset.count, chunk.size.count))));
  }
  return out.finish();
}

Result<void> PackageReader::unpack(Files& files, const Path& to, const ProgressSink& progress, std::stop_token stop) {
  const auto& tree = state_->index.tree;
  UPSWARM_CHECK(make_skeleton(files, to, tree));
  const auto total = tree.total_size();
  Bytes done;
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    if (tree.entries[i].type != FileType::regular) continue;
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "unpack", "stopped"};
    UPSWARM_CHECK(state_->write_file(files, to, i));
    done += tree.entries[i].size;
    if (progress) progress({"unpacking", done, total});
  }
  return sync_folders(files, to, tree);
}

}  // namespace upswarm::package
