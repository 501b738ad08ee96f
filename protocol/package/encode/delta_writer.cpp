#include <algorithm>
#include <map>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/encode/compress.hpp"
#include "protocol/package/encode/package_file.hpp"
#include "protocol/package/encode/package_writer.hpp"

namespace upswarm::package {
namespace {

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// Finds what a file of the new tree is best made from.
class Bases {
 public:
  explicit Bases(const Tree& tree) : tree_(tree) {
    for (const auto& entry : tree.entries) {
      if (entry.type != FileType::regular) continue;
      by_digest_.emplace(entry.digest, &entry);
      by_name_.emplace(name_of(entry.path), &entry);
    }
  }

  const TreeEntry* identical(const TreeEntry& entry) const {
    const auto found = by_digest_.find(entry.digest);
    return found == by_digest_.end() ? nullptr : found->second;
  }

  /// The file at the same path, else the one of the same name whose size is nearest.
  const TreeEntry* similar(const TreeEntry& entry) const {
    const auto* const same = tree_.find(entry.path);
    if (same != nullptr && same->type == FileType::regular) return same;
    const TreeEntry* best = nullptr;
    const auto distance = [&](const TreeEntry* one) {
      return one->size > entry.size ? one->size - entry.size : entry.size - one->size;
    };
    const auto [first, last] = by_name_.equal_range(name_of(entry.path));
    for (auto one = first; one != last; ++one) {
      if (best == nullptr || distance(one->second) < distance(best)) best = one->second;
    }
    return best;
  }

 private:
  const Tree& tree_;
  std::map<Sha256, const TreeEntry*> by_digest_;
  std::multimap<std::string_view, const TreeEntry*> by_name_;
};

/// Writes the operations of one delta.
class DeltaBuilder {
 public:
  DeltaBuilder(Files& files, Path old_folder, Path new_folder, const Tree& old_tree, PackageFile& file)
      : files_(files),
        old_folder_(std::move(old_folder)),
        new_folder_(std::move(new_folder)),
        bases_(old_tree),
        file_(file) {}

  Result<void> add(const TreeEntry& entry) {
    if (const auto* const same = bases_.identical(entry)) {
      plan_.u8(static_cast<std::uint8_t>(DeltaOperation::copy));
      plan_.text(same->path);
      return {};
    }
    if (entry.size > kLargestPatched) return add_large(entry);
    UPSWARM_TRY(const auto bytes, read_file(files_, place_of(new_folder_, entry.path), kLargestPatched));
    if (sha256(bytes) != entry.digest)
      return Error{ErrorKind::busy, "read " + entry.path, "it changed while the delta was being made"};
    UPSWARM_TRY(const auto whole, compress(as_bytes(bytes)));
    const auto* const base = bases_.similar(entry);
    if (base != nullptr && base->size <= kLargestPatched) {
      UPSWARM_TRY(const auto old_bytes, read_file(files_, place_of(old_folder_, base->path), kLargestPatched));
      UPSWARM_TRY(const auto patch, compress_against(as_bytes(old_bytes), as_bytes(bytes)));
      if (patch.size() + base->path.size() < whole.size()) {
        plan_.u8(static_cast<std::uint8_t>(DeltaOperation::patch));
        plan_.text(base->path);
        return add_part(patch);
      }
    }
    plan_.u8(static_cast<std::uint8_t>(DeltaOperation::add));
    return add_part(whole);
  }

  const std::string& operations() const { return plan_bytes_; }

 private:
  Result<void> add_part(const std::string& part) {
    plan_.u64(part.size());
    plan_.digest(sha256(part));
    return file_.append(as_bytes(part));
  }

  Result<void> add_large(const TreeEntry& entry) {
    UPSWARM_TRY(const auto in, files_.open(place_of(new_folder_, entry.path)));
    ByteBuffer buffer(1 << 20);
    Bytes at;
    Bytes length;
    Sha256Hasher hasher;
    const auto next = [&]() -> Result<ByteView> {
      UPSWARM_TRY(const auto count, in->read_at(at, buffer));
      at += Bytes{count};
      return ByteView(buffer).first(count);
    };
    const auto sink = [&](ByteView part) {
      hasher.update(part);
      length += Bytes{part.size()};
      return file_.append(part);
    };
    UPSWARM_CHECK(compress_stream(next, sink));
    plan_.u8(static_cast<std::uint8_t>(DeltaOperation::add));
    plan_.u64(length.count);
    plan_.digest(hasher.finish());
    return {};
  }

  Files& files_;
  Path old_folder_;
  Path new_folder_;
  Bases bases_;
  PackageFile& file_;
  std::string plan_bytes_;
  ByteWriter plan_{plan_bytes_};
};

Result<std::string> head_of(const Sha256& from, const Tree& to, const std::string& operations) {
  std::string plan;
  ByteWriter plan_out(plan);
  plan_out.u32(1);
  plan_out.text(kPatchFilter);
  const auto tree_bytes = encode_tree(to);
  plan_out.u64(tree_bytes.size());
  plan_out.raw(tree_bytes);
  plan_out.raw(operations);
  UPSWARM_TRY(const auto compressed, compress(as_bytes(plan)));
  std::string head;
  ByteWriter out(head);
  out.raw(kDeltaMagic);
  out.u32(kDeltaVersion);
  out.u32(0);
  out.digest(from);
  out.digest(content_digest(to));
  out.u64(compressed.size());
  out.u64(plan.size());
  out.raw(compressed);
  return head;
}

}  // namespace

Result<PackedDelta> write_delta(Files& files, const Path& from, const Path& to_folder, const Path& to,
                                const ProgressSink& progress, std::stop_token stop) {
  UPSWARM_TRY(const auto old_tree, scan_tree(files, from));
  UPSWARM_TRY(const auto new_tree, scan_tree(files, to_folder));
  UPSWARM_CHECK(check_tree(old_tree));
  UPSWARM_CHECK(check_tree(new_tree));
  UPSWARM_TRY(auto file, PackageFile::create(files, to));
  DeltaBuilder builder(files, from, to_folder, old_tree, file);
  const auto total = new_tree.total_size();
  Bytes done;
  for (const auto& entry : new_tree.entries) {
    if (entry.type != FileType::regular) continue;
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "make a delta", "stopped"};
    UPSWARM_CHECK(builder.add(entry));
    done += entry.size;
    if (progress) progress({"comparing", done, total});
  }
  UPSWARM_TRY(const auto head, head_of(content_digest(old_tree), new_tree, builder.operations()));
  UPSWARM_TRY(const auto written, file.finish(head));
  return PackedDelta{written.length, written.sha256, content_digest(old_tree), content_digest(new_tree)};
}

}  // namespace upswarm::package
