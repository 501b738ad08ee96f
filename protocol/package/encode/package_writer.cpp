#include "protocol/package/encode/package_writer.hpp"

#include <deque>
#include <future>
#include <map>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/encode/compress.hpp"
#include "protocol/package/encode/package_file.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kFrameSize = 1 << 20;
constexpr std::size_t kFramesAtOnce = 2;

/// Cuts content into frames, compresses two at a time, and writes them in order: same input, same bytes.
class FrameWriter {
 public:
  explicit FrameWriter(PackageFile& file) : file_(file) { pending_.reserve(kFrameSize); }

  Result<void> add(ByteView bytes, std::vector<Chunk>& chunks) {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), kFrameSize - pending_.size()));
      chunks.push_back({static_cast<std::uint32_t>(started_), Bytes{pending_.size()}, Bytes{part.size()}});
      pending_ += as_text(part);
      bytes = bytes.subspan(part.size());
      if (pending_.size() == kFrameSize) UPSWARM_CHECK(start());
    }
    return {};
  }

  Result<std::vector<Frame>> finish() {
    if (!pending_.empty()) UPSWARM_CHECK(start());
    while (!running_.empty()) UPSWARM_CHECK(collect());
    return std::move(frames_);
  }

 private:
  Result<void> start() {
    if (running_.size() == kFramesAtOnce) UPSWARM_CHECK(collect());
    frames_.push_back({.offset = {}, .length = {}, .size = Bytes{pending_.size()}, .sha256 = {}});
    running_.push_back(
        std::async(std::launch::async, [bytes = std::move(pending_)] { return compress(as_bytes(bytes)); }));
    pending_.clear();
    pending_.reserve(kFrameSize);
    ++started_;
    return {};
  }

  Result<void> collect() {
    auto compressed = running_.front().get();
    running_.pop_front();
    if (!compressed) return compressed.error();
    auto& frame = frames_.at(collected_++);
    frame.length = Bytes{compressed->size()};
    frame.sha256 = sha256(*compressed);
    return file_.append(as_bytes(*compressed));
  }

  PackageFile& file_;
  std::string pending_;
  std::vector<Frame> frames_;
  std::deque<std::future<Result<std::string>>> running_;
  std::size_t started_ = 0;
  std::size_t collected_ = 0;
};

Result<std::vector<Chunk>> add_file(Files& files, const Path& path, const TreeEntry& entry, FrameWriter& frames) {
  UPSWARM_TRY(const auto file, files.open(path));
  ByteBuffer buffer(256 * 1024);
  Sha256Hasher hasher;
  std::vector<Chunk> chunks;
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, file->read_at(at, buffer));
    if (count == 0) break;
    hasher.update(ByteView(buffer).first(count));
    std::vector<Chunk> added;
    UPSWARM_CHECK(frames.add(ByteView(buffer).first(count), added));
    for (const auto& chunk : added) {
      const bool goes_on = !chunks.empty() && chunks.back().frame == chunk.frame &&
                           chunks.back().offset + chunks.back().size == chunk.offset;
      if (goes_on) chunks.back().size += chunk.size;
      else chunks.push_back(chunk);
    }
    at += Bytes{count};
  }
  if (hasher.finish() != entry.digest)
    return Error{ErrorKind::busy, "pack " + path.string(), "it changed while it was being packed"};
  return chunks;
}

std::string encode_index(const Tree& tree, const std::vector<Frame>& frames,
                         const std::vector<std::vector<Chunk>>& chunks) {
  std::string bytes;
  ByteWriter out(bytes);
  const auto tree_bytes = encode_tree(tree);
  out.u64(tree_bytes.size());
  out.raw(tree_bytes);
  out.u32(static_cast<std::uint32_t>(frames.size()));
  for (const auto& frame : frames) {
    out.u64(frame.length.count);
    out.u64(frame.size.count);
    out.digest(frame.sha256);
  }
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    if (tree.entries[i].type != FileType::regular) continue;
    out.u32(static_cast<std::uint32_t>(chunks[i].size()));
    for (const auto& chunk : chunks[i]) {
      out.u32(chunk.frame);
      out.u64(chunk.offset.count);
      out.u64(chunk.size.count);
    }
  }
  return bytes;
}

Result<std::string> head_of(const std::string& index) {
  UPSWARM_TRY(const auto compressed, compress(as_bytes(index)));
  std::string head;
  ByteWriter out(head);
  out.raw(kPackageMagic);
  out.u32(kPackageVersion);
  out.u32(0);
  out.u64(compressed.size());
  out.u64(index.size());
  out.raw(compressed);
  return head;
}

}  // namespace

Result<PackedPackage> write_package(Files& files, const Path& folder, const Path& to, const ProgressSink& progress,
                                    std::stop_token stop) {
  PackedPackage packed;
  UPSWARM_TRY(packed.tree, scan_tree(files, folder));
  if (auto checked = check_tree(packed.tree); !checked) {
    auto error = std::move(checked).error();
    error.kind = ErrorKind::invalid;
    return error;
  }
  UPSWARM_TRY(auto file, PackageFile::create(files, to));
  FrameWriter writer(file);
  std::vector<std::vector<Chunk>> chunks(packed.tree.entries.size());
  std::map<Sha256, std::size_t> packed_before;  // identical files are stored once
  const auto total = packed.tree.total_size();
  Bytes done;
  for (std::size_t i = 0; i < packed.tree.entries.size(); ++i) {
    const auto& entry = packed.tree.entries[i];
    if (entry.type != FileType::regular) continue;
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "pack " + folder.string(), "stopped"};
    const auto [found, is_new] = packed_before.emplace(entry.digest, i);
    if (is_new) {
      UPSWARM_TRY(chunks[i], add_file(files, place_of(folder, entry.path), entry, writer));
    } else {
      chunks[i] = chunks[found->second];
    }
    done += entry.size;
    if (progress) progress({"packing", done, total});
  }
  UPSWARM_TRY(const auto frames, writer.finish());
  UPSWARM_TRY(const auto head, head_of(encode_index(packed.tree, frames, chunks)));
  UPSWARM_TRY(const auto written, file.finish(head));
  packed.length = written.length;
  packed.sha256 = written.sha256;
  packed.index_length = Bytes{head.size()};
  packed.index_digest = sha256(head);
  packed.content = content_digest(packed.tree);
  return packed;
}

}  // namespace upswarm::package
