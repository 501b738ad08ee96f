#include "protocol/package/tree.hpp"

#include <algorithm>

#include "protocol/package/byte_coding.hpp"

namespace upswarm::package {
namespace {

constexpr std::string_view kMagic = "UPTREE1\n";
constexpr std::size_t kReadBuffer = 256 * 1024;
constexpr std::size_t kHashedAtOnce = 64 * 1024;
constexpr std::uint8_t kRegular = 1;
constexpr std::uint8_t kFolder = 2;
constexpr std::uint8_t kLink = 3;

Result<TreeEntry> decode_entry(ByteReader& in, bool has_digests) {
  TreeEntry entry;
  const auto type = in.u8();
  entry.path = in.text(kLongestTreePath);
  entry.mode = in.u32();
  switch (type) {
    case kRegular:
      entry.type = FileType::regular;
      entry.size = Bytes{in.u64()};
      if (has_digests) entry.digest = in.digest();
      return entry;
    case kFolder: entry.type = FileType::folder; return entry;
    case kLink:
      entry.type = FileType::symlink;
      entry.link_target = in.text(kLongestTreePath);
      return entry;
    default: return Error{ErrorKind::corrupt, "a tree", "the entry type " + std::to_string(type) + " is not known"};
  }
}

std::uint32_t portable_mode(const FileInfo& info) {
  if (info.type == FileType::symlink) return 0777;
  return info.type == FileType::folder || (info.mode & 0111U) != 0 ? 0755 : 0644;
}

class Scan {
 public:
  Scan(Files& files, const std::stop_token& stop) : files_(files), stop_(stop), buffer_(kReadBuffer) {}

  Result<void> add(const Path& folder, const std::string& prefix, Tree& tree);

 private:
  Result<Sha256> digest_of(const Path& path);

  Files& files_;
  const std::stop_token& stop_;
  ByteBuffer buffer_;  // for all files: to clear one costs more than to read a small file
};

Result<Sha256> Scan::digest_of(const Path& path) {
  UPSWARM_TRY(const auto file, files_.open(path));
  Sha256Hasher hasher;
  for (Bytes at;;) {
    if (stop_.stop_requested()) return Error{ErrorKind::cancelled, "read " + path.string(), "stopped"};
    UPSWARM_TRY(const auto count, file->read_at(at, buffer_));
    hasher.update(ByteView(buffer_).first(count));
    if (count < buffer_.size()) return hasher.finish();
    at += Bytes{count};
  }
}

Result<void> Scan::add(const Path& folder, const std::string& prefix, Tree& tree) {
  UPSWARM_TRY(const auto names, files_.list(folder));
  for (const auto& name : names) {
    const auto path = folder / Path(std::u8string(name.begin(), name.end()));
    UPSWARM_TRY(const auto info, files_.info(path));
    TreeEntry entry;
    entry.path = prefix + name;
    entry.type = info.type;
    entry.mode = portable_mode(info);
    if (info.type == FileType::regular) {
      entry.size = info.size;
      UPSWARM_TRY(entry.digest, digest_of(path));
    } else if (info.type == FileType::symlink) {
      UPSWARM_TRY(entry.link_target, files_.read_symlink(path));
    } else if (info.type == FileType::other) {
      return Error{ErrorKind::invalid, "pack " + path.string(), "it is no file, folder or link"};
    }
    const bool is_folder = info.type == FileType::folder;
    tree.entries.push_back(std::move(entry));
    if (is_folder) UPSWARM_CHECK(add(path, prefix + name + "/", tree));
  }
  return {};
}

std::string difference(const TreeEntry& wanted, const TreeEntry& found) {
  if (wanted.type != found.type) return "it is of another type";
  if (wanted.size != found.size)
    return "it has " + std::to_string(found.size.count) + " bytes instead of " + std::to_string(wanted.size.count);
  if (wanted.digest != found.digest) return "its content was altered";
  if (wanted.link_target != found.link_target)
    return "it leads to " + found.link_target + " instead of " + wanted.link_target;
  return "its mode was altered";
}

void encode_entry(const TreeEntry& entry, bool has_digests, ByteWriter& out) {
  out.u8(entry.type == FileType::regular ? kRegular : entry.type == FileType::folder ? kFolder : kLink);
  out.text(entry.path);
  out.u32(entry.mode);
  if (entry.type == FileType::regular) {
    out.u64(entry.size.count);
    if (has_digests) out.digest(entry.digest);
  } else if (entry.type == FileType::symlink) {
    out.text(entry.link_target);
  }
}

void encode_count(const Tree& tree, ByteWriter& out) { out.u32(static_cast<std::uint32_t>(tree.entries.size())); }

Result<Tree> decode_entries(ByteReader& in, bool has_digests, const std::string& what) {
  const auto corrupt = [&](const char* why) { return Error{ErrorKind::corrupt, what, why}; };
  const auto count = in.u32();
  constexpr std::size_t kSmallestEntry = 9;
  if (count > kMostTreeEntries || count > in.left() / kSmallestEntry)
    return corrupt("it names more entries than it can hold");
  Tree tree;
  tree.entries.reserve(count);
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < count && in.good(); ++i) {
    UPSWARM_TRY(auto entry, decode_entry(in, has_digests));
    if (entry.size.count > kLargestTree.count - total) return corrupt("its sizes overflow");
    total += entry.size.count;
    tree.entries.push_back(std::move(entry));
  }
  if (!in.is_at_end()) return corrupt("it is cut off, or longer than it says");
  UPSWARM_CHECK(check_tree(tree));
  return tree;
}

}  // namespace

Bytes Tree::total_size() const {
  Bytes sum;
  for (const auto& entry : entries) sum += entry.size;
  return sum;
}

const TreeEntry* Tree::find(std::string_view path) const {
  const auto found = std::ranges::lower_bound(entries, path, std::less<>{},
                                              [](const TreeEntry& entry) -> std::string_view { return entry.path; });
  return found != entries.end() && found->path == path ? &*found : nullptr;
}

std::string encode_tree(const Tree& tree) {
  std::string bytes;
  ByteWriter out(bytes);
  out.raw(kMagic);
  encode_count(tree, out);
  for (const auto& entry : tree.entries) encode_entry(entry, true, out);
  return bytes;
}

std::string encode_outline(const Tree& tree) {
  std::string bytes;
  ByteWriter out(bytes);
  encode_count(tree, out);
  for (const auto& entry : tree.entries) encode_entry(entry, false, out);
  return bytes;
}

std::size_t count_changed_files(const Tree& from, const Tree& to) {
  std::size_t count = 0;
  const auto is_counted = [](const TreeEntry& entry) { return entry.type != FileType::folder; };
  auto old = from.entries.begin();
  for (const auto& entry : to.entries) {
    for (; old != from.entries.end() && old->path < entry.path; ++old) count += is_counted(*old) ? 1 : 0;
    const bool is_in_both = old != from.entries.end() && old->path == entry.path;
    if (!is_in_both || *old != entry) count += is_counted(entry) || (is_in_both && is_counted(*old)) ? 1 : 0;
    if (is_in_both) ++old;
  }
  return count + static_cast<std::size_t>(std::count_if(old, from.entries.end(), is_counted));
}

Sha256 content_digest(const Tree& tree) {
  Sha256Hasher hasher;
  std::string bytes;  // some of them: all may be much
  ByteWriter out(bytes);
  out.raw(kMagic);
  encode_count(tree, out);
  for (const auto& entry : tree.entries) {
    encode_entry(entry, true, out);
    if (bytes.size() < kHashedAtOnce) continue;
    hasher.update(as_bytes(bytes));
    bytes.clear();
  }
  hasher.update(as_bytes(bytes));
  return hasher.finish();
}

Result<Tree> decode_tree(std::string_view bytes, const std::string& what) {
  ByteReader in(bytes);
  if (in.raw(kMagic.size()) != kMagic) return Error{ErrorKind::corrupt, what, "it is no tree of a known format"};
  return decode_entries(in, true, what);
}

Result<Tree> decode_outline(std::string_view bytes, const std::string& what) {
  ByteReader in(bytes);
  return decode_entries(in, false, what);
}

Result<Tree> scan_tree(Files& files, const Path& folder, const std::stop_token& stop) {
  Tree tree;
  UPSWARM_CHECK(Scan(files, stop).add(folder, "", tree));
  std::ranges::sort(tree.entries, {}, &TreeEntry::path);
  tree.entries.shrink_to_fit();
  return tree;
}

Result<void> verify_tree(Files& files, const Path& folder, const Tree& expected, const std::stop_token& stop) {
  UPSWARM_TRY(const auto found, scan_tree(files, folder, stop));
  const auto wrong = [&](std::string_view path, const std::string& why) {
    return Error{ErrorKind::corrupt, "verify " + (folder / path).string(), why, "altered"};
  };
  for (const auto& wanted : expected.entries) {
    const auto* const there = found.find(wanted.path);
    if (there == nullptr) return wrong(wanted.path, "it is missing");
    if (*there != wanted) return wrong(wanted.path, difference(wanted, *there));
  }
  for (const auto& there : found.entries) {
    if (expected.find(there.path) != nullptr) continue;
    return Error{ErrorKind::corrupt, "verify " + (folder / there.path.view()).string(), "it does not belong there",
                 "extra"};
  }
  return {};
}

}  // namespace upswarm::package
