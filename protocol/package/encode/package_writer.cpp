#include "protocol/package/encode/package_writer.hpp"

#include <algorithm>
#include <thread>
#include <tuple>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/encode/compress.hpp"
#include "protocol/package/encode/package_file.hpp"
#include "protocol/package/encode/stream_packer.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint32_t kSeenBefore = std::uint32_t{1} << 31U;
constexpr Bytes kOwnMemory = 64_MiB;  // index, samples, buffers; threads share the rest

// Measured in docs/decisions/0009-frames-with-a-past.md.
PackSettings settings_of(PackLevel level) {
  switch (level) {
    case PackLevel::fast:
      return {.encoder = {.level = 5, .chain_log = 20, .hash_log = 20},
              .history = 24_MiB,
              .before = 512_KiB,
              .job = 4_MiB,
              .memory = 32_MiB};
    case PackLevel::best:
      return {.encoder = {.level = 22, .chain_log = 24, .hash_log = 23},
              .history = 32_MiB,
              .before = 8_MiB,
              .job = 12_MiB,
              .memory = 170_MiB};
    case PackLevel::standard: break;
  }
  return {.encoder = {.level = 19, .chain_log = 23, .hash_log = 21},
          .history = 24_MiB,
          .before = 2_MiB,
          .job = 8_MiB,
          .memory = 80_MiB};
}

std::size_t threads_of(const PackOptions& options, const PackSettings& settings) {
  const std::size_t wanted = options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
  const auto memory = options.memory - std::min(options.memory, kOwnMemory);
  return std::clamp<std::size_t>(wanted, 1, std::max<std::size_t>(1, memory.count / settings.memory.count));
}

void encode_frames(const PackageIndex& index, ByteWriter& out) {
  out.u32(static_cast<std::uint32_t>(index.history.count));
  out.u32(static_cast<std::uint32_t>(index.frames.size()));
  for (const auto& frame : index.frames) out.u32(static_cast<std::uint32_t>(frame.length.count));
  for (const auto& frame : index.frames) out.u32(frame.chunks);
  for (const auto& frame : index.frames) out.digest(frame.sha256);
}

void encode_content(const PackageIndex& index, std::uint32_t entry, std::uint32_t& next, ByteWriter& out) {
  const auto content = index.contents[entry];
  out.u32(static_cast<std::uint32_t>(content.size()));
  for (std::size_t i = 0; i < content.size(); ++i) {
    const bool is_new = content[i] == next;
    const bool is_last = i + 1 == content.size();
    if (is_new) ++next;
    if (!is_new) out.u32(content[i] | kSeenBefore);
    else out.u32(is_last ? 0 : index.chunks[content[i]].bytes);
  }
}

/// What does not compress stands together, so that what does is better seen.
std::string encode_index(const PackageIndex& index) {
  std::string bytes;
  ByteWriter out(bytes);
  const auto outline = encode_outline(index.tree);
  out.u64(outline.size());
  out.raw(outline);
  const auto& entries = index.tree.entries;
  for (const auto& entry : entries) {
    if (entry.type == FileType::regular) out.digest(entry.digest);
  }
  encode_frames(index, out);
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].type == FileType::regular) encode_content(index, i, next, out);
  }
  for (const auto& chunk : index.chunks) {
    if (index.contents[chunk.entry].size() > 1) out.raw(as_text(chunk.digest));
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

Result<Tree> scan(Files& files, const Path& folder, const std::stop_token& stop) {
  UPSWARM_TRY(auto tree, scan_tree(files, folder, stop));
  if (auto checked = check_tree(tree); !checked) {
    auto error = std::move(checked).error();
    error.kind = ErrorKind::invalid;
    return error;
  }
  return tree;
}

/// For each entry the first one with its content: identical files are stored once.
std::vector<std::uint32_t> first_holders(const Tree& tree) {
  const auto digest_of = [&](std::uint32_t entry) -> const Sha256& { return tree.entries[entry].digest; };
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < tree.entries.size(); ++i) {
    if (tree.entries[i].type == FileType::regular) order.push_back(i);
  }
  std::ranges::sort(order, [&](auto a, auto b) { return std::tie(digest_of(a), a) < std::tie(digest_of(b), b); });
  std::vector<std::uint32_t> holders(tree.entries.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool is_first = i == 0 || digest_of(order[i]) != digest_of(order[i - 1]);
    holders[order[i]] = is_first ? order[i] : holders[order[i - 1]];
  }
  return holders;
}

/// All content of the tree into `file`; what the index has to say about it into `index`.
Result<void> pack_files(Files& files, const Path& folder, PackageFile& file, PackageIndex& index,
                        const ProgressSink& progress, const std::stop_token& stop, const PackOptions& options) {
  const auto settings = settings_of(options.level);
  StreamPacker packer(files, folder, index, settings, options.frame, threads_of(options, settings),
                      [&](ByteView bytes) { return file.append(bytes); });
  const auto holders = first_holders(index.tree);
  const auto total = index.tree.total_size();
  Bytes done;
  for (std::uint32_t i = 0; i < index.tree.entries.size(); ++i) {
    const auto& entry = index.tree.entries[i];
    if (entry.type == FileType::regular) {
      if (stop.stop_requested()) return Error{ErrorKind::cancelled, "pack " + folder.string(), "stopped"};
      if (holders[i] == i) UPSWARM_CHECK(packer.add_file(i, stop));
      else index.contents.add_again(holders[i]);
      done += entry.size;
      if (progress) progress({"packing", done, total});
    }
    index.contents.end_entry();
  }
  return packer.finish();
}

}  // namespace

Result<PackedPackage> write_package(Files& files, const Path& folder, const Path& to, const ProgressSink& progress,
                                    std::stop_token stop, const PackOptions& options) {
  PackageIndex index;
  UPSWARM_TRY(index.tree, scan(files, folder, stop));
  UPSWARM_TRY(auto file, PackageFile::create(files, to));
  UPSWARM_CHECK(pack_files(files, folder, file, index, progress, stop, options));
  UPSWARM_TRY(const auto head, head_of(encode_index(index)));
  UPSWARM_TRY(const auto written, file.finish(head));
  PackedPackage packed;
  packed.length = written.length;
  packed.sha256 = written.sha256;
  packed.index_length = Bytes{head.size()};
  packed.index_digest = sha256(head);
  packed.content = content_digest(index.tree);
  packed.tree = std::move(index.tree);
  return packed;
}

}  // namespace upswarm::package
