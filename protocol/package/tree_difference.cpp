#include "protocol/package/tree_difference.hpp"

#include <algorithm>
#include <optional>

#include "protocol/package/decode/format.hpp"

namespace upswarm::package {
namespace {

/// What comes next in the new tree; with a count in one varint.
enum class Step : std::uint8_t {
  keep = 0,     ///< entries that are as in the old tree, from where we stand there
  drop = 1,     ///< entries of the old tree that are gone
  changed = 2,  ///< regular files with path and mode of the old tree and other content
  fresh = 3,    ///< entries that are told whole
  moved = 4,    ///< entries of the old tree, in a row, that begin with another path now
};
constexpr unsigned kStepBits = 3;
constexpr unsigned kStepMask = 7;

constexpr std::size_t kAtOnce = 1024;

/// A file's content: 0 patched, 1 prefixed, from here on the entry of the old tree that is copied.
constexpr std::uint64_t kFirstCopied = 2;

Error corrupt(std::string why) { return corrupt_package("a delta", std::move(why)); }

bool is_same_but_for_path(const TreeEntry& from, const TreeEntry& to) {
  return from.type == to.type && from.mode == to.mode && from.size == to.size && from.digest == to.digest &&
         from.link_target == to.link_target;
}

/// What of `path` is the same at the end of `other`, in whole parts.
std::size_t common_end(std::string_view path, std::string_view other) {
  std::size_t same = 0;
  for (std::size_t i = 1; i <= path.size() && i <= other.size() && path[path.size() - i] == other[other.size() - i];
       ++i)
    if (path[path.size() - i] == '/') same = i;
  return same;
}

/// Takes no more memory than it needs: there may be millions.
std::string joined(std::string_view start, std::string_view rest) {
  std::string path;
  path.reserve(start.size() + rest.size());
  path += start;
  path += rest;
  return path;
}

bool is_changed_content(const TreeEntry& from, const TreeEntry& to) {
  return from.path == to.path && from.type == FileType::regular && to.type == FileType::regular && from.mode == to.mode;
}

class Writer {
 public:
  Writer(const Tree& from, ByteWriter& out) : from_(from), out_(out) {}

  void keep() { count(Step::keep); }
  void drop() { count(Step::drop); }
  void tell(Step step, const TreeEntry& entry, const ContentSource& source) {
    count(step);
    ByteWriter to(told_);
    if (step == Step::fresh) {
      const auto path = entry.path.view();
      const auto [mine, theirs] = std::mismatch(path.begin(), path.end(), before_.begin(), before_.end());
      const auto shared = static_cast<std::size_t>(mine - path.begin());
      to.varint(shared);
      to.varint(path.size() - shared);
      to.raw(path.substr(shared));
      to.u8(static_cast<std::uint8_t>(entry.type));
      to.varint(entry.mode);
      before_ = path;
    }
    if (entry.type == FileType::symlink) {
      to.varint(entry.link_target.size());
      to.raw(entry.link_target);
    }
    if (entry.type != FileType::regular) return;
    const bool is_copied = source.kind == ContentSource::Kind::copied;
    to.varint(is_copied ? source.from + kFirstCopied : source.kind == ContentSource::Kind::prefixed ? 1 : 0);
    if (is_copied) return;
    to.varint(entry.size.count);
    to.raw(as_text(source.check));
  }
  /// Says `entry` as one that was moved, if it is one.
  bool move(const TreeEntry& entry, const ContentSource& source) {
    if (step_ == Step::moved && count_ > 0 && goes_on(next_, entry)) {
      ++next_;
      ++count_;
      return true;
    }
    auto place = moved_place(entry);
    if (!place && source.kind == ContentSource::Kind::copied) {
      const auto& origin = from_.entries[source.from];
      const auto end = common_end(entry.path, origin.path);
      if (end == 0 || !is_same_but_for_path(origin, entry)) return false;
      old_start_ = origin.path.view().substr(0, origin.path.size() - end);
      new_start_ = entry.path.view().substr(0, entry.path.size() - end);
      place = source.from;
    }
    if (!place) return false;
    flush();
    count(Step::moved);
    ByteWriter to(told_);
    to.varint(*place);
    to.varint(old_start_.size());
    to.varint(new_start_.size());
    to.raw(new_start_);
    next_ = *place + 1;
    return true;
  }
  void flush() {
    if (count_ == 0) return;
    out_.varint(count_ << kStepBits | static_cast<std::uint64_t>(step_));
    out_.raw(told_);
    told_.clear();
    count_ = 0;
  }

 private:
  void count(Step step) {
    if (step != step_) flush();
    step_ = step;
    ++count_;
  }

  bool goes_on(std::size_t place, const TreeEntry& entry) const {
    if (place >= from_.entries.size()) return false;
    const auto path = from_.entries[place].path.view();
    return path.starts_with(old_start_) && entry.path.view().starts_with(new_start_) &&
           path.substr(old_start_.size()) == entry.path.view().substr(new_start_.size()) &&
           is_same_but_for_path(from_.entries[place], entry);
  }

  /// Where `entry` was, if it moved as the one before that did.
  std::optional<std::size_t> moved_place(const TreeEntry& entry) const {
    if (new_start_.empty() || !entry.path.view().starts_with(new_start_)) return std::nullopt;
    const auto* const found = from_.find(joined(old_start_, entry.path.view().substr(new_start_.size())));
    if (found == nullptr) return std::nullopt;
    const auto place = static_cast<std::size_t>(found - from_.entries.data());
    return goes_on(place, entry) ? std::optional(place) : std::nullopt;
  }

  const Tree& from_;
  ByteWriter& out_;
  std::string told_;
  std::string before_;
  std::string old_start_;
  std::string new_start_;
  std::size_t next_ = 0;
  Step step_ = Step::keep;
  std::uint64_t count_ = 0;
};

class Reader {
 public:
  Reader(ByteReader& in, const Tree& from) : in_(in), from_(from) {}

  Result<ToldTree> read() {
    const auto total = in_.varint();
    if (total > kMostTreeEntries) return corrupt("its tree has too many entries");
    // Room for more is taken when there is more.
    told_.tree.entries.reserve(std::min<std::uint64_t>(total, from_.entries.size() + kAtOnce));
    told_.sources.reserve(told_.tree.entries.capacity());
    while (in_.good() && told_.tree.entries.size() < total) {
      const auto step = in_.varint();
      const auto count = step >> kStepBits;
      if (count == 0 || count > kMostTreeEntries) return corrupt("its tree is impossible");
      UPSWARM_CHECK(take(static_cast<Step>(step & kStepMask), count, total));
    }
    if (!in_.good()) return corrupt("its tree is cut off");
    UPSWARM_CHECK(check_tree(told_.tree));
    return std::move(told_);
  }

 private:
  Result<void> take(Step step, std::uint64_t count, std::uint64_t total) {
    if (step > Step::moved) return corrupt("its tree is told in a way that is not known");
    if (step == Step::moved) return move(count, total);
    if (step != Step::fresh && count > from_.entries.size() - at_)
      return corrupt("it keeps what the base does not have");
    if (step == Step::drop) {
      at_ += count;
      return {};
    }
    if (count > total - told_.tree.entries.size()) return corrupt("its tree is longer than it says");
    for (std::uint64_t i = 0; i < count && in_.good(); ++i) {
      switch (step) {
        case Step::keep: UPSWARM_CHECK(keep()); break;
        case Step::changed: UPSWARM_CHECK(change()); break;
        default: UPSWARM_CHECK(tell()); break;
      }
    }
    return {};
  }

  Result<void> move(std::uint64_t count, std::uint64_t total) {
    const auto place = in_.varint();
    const auto strip = in_.varint();
    const auto start = std::string(in_.raw(std::min<std::uint64_t>(in_.varint(), kLongestTreePath + 1)));
    if (place > from_.entries.size() || count > from_.entries.size() - place || start.size() > kLongestTreePath ||
        count > total - told_.tree.entries.size()) {
      return corrupt("it moves what the base does not have");
    }
    for (auto i = place; i < place + count; ++i) {
      auto entry = from_.entries[i];
      if (strip > entry.path.size()) return corrupt("it moves what has no such path");
      if (strip > 0 || !start.empty()) entry.path = joined(start, entry.path.view().substr(strip));
      if (entry.path.size() > kLongestTreePath) return corrupt("a path is too long");
      ContentSource source;
      if (entry.type == FileType::regular) source = {ContentSource::Kind::copied, static_cast<std::uint32_t>(i), {}};
      UPSWARM_CHECK(add(std::move(entry), source));
    }
    return {};
  }

  Result<void> keep() {
    const auto& entry = from_.entries[at_];
    ContentSource source;
    if (entry.type == FileType::regular) source = {ContentSource::Kind::copied, static_cast<std::uint32_t>(at_), {}};
    ++at_;
    return add(entry, source);
  }

  Result<void> change() {
    auto entry = from_.entries[at_++];
    if (entry.type != FileType::regular) return corrupt("it changes what is no file");
    return add_content(std::move(entry));
  }

  Result<void> tell() {
    TreeEntry entry;
    const auto shared = in_.varint();
    const auto rest = in_.varint();
    if (shared > before_.size() || rest > kLongestTreePath) return corrupt("a path is impossible");
    before_ = joined(std::string_view(before_).substr(0, shared), in_.raw(rest));
    if (before_.size() > kLongestTreePath) return corrupt("a path is too long");
    entry.path = before_;
    const auto type = in_.u8();
    if (type > static_cast<std::uint8_t>(FileType::symlink)) return corrupt("an entry has no known type");
    entry.type = static_cast<FileType>(type);
    entry.mode = static_cast<std::uint32_t>(std::min<std::uint64_t>(in_.varint(), ~std::uint32_t{0}));
    if (entry.type == FileType::symlink) {
      const auto length = in_.varint();
      if (length > kLongestTreePath) return corrupt("the target of a link is too long");
      entry.link_target = in_.raw(length);
    }
    if (entry.type == FileType::regular) return add_content(std::move(entry));
    return add(std::move(entry), {});
  }

  Result<void> add_content(TreeEntry entry) {
    const auto told = in_.varint();
    ContentSource source;
    if (told >= kFirstCopied) {
      const auto place = told - kFirstCopied;
      if (place >= from_.entries.size() || from_.entries[place].type != FileType::regular)
        return corrupt("it copies what the base does not have");
      source = {ContentSource::Kind::copied, static_cast<std::uint32_t>(place), {}};
      entry.size = from_.entries[place].size;
      entry.digest = from_.entries[place].digest;
    } else {
      source.kind = told == 0 ? ContentSource::Kind::patched : ContentSource::Kind::prefixed;
      entry.size = Bytes{in_.varint()};
      entry.digest = {};
      const auto check = in_.raw(source.check.size());
      for (std::size_t i = 0; i < check.size(); ++i) source.check.at(i) = static_cast<std::byte>(check[i]);
    }
    return add(std::move(entry), source);
  }

  /// A few bytes can tell a long path, and many of them: sums are bounded before memory is taken.
  Result<void> add(TreeEntry entry, const ContentSource& source) {
    text_ += entry.path.size() + entry.link_target.size();
    if (text_ > kLongestTreeText) return corrupt("its paths are too long together");
    if (entry.size > kLargestTree - size_) return corrupt("its sizes overflow");
    size_ += entry.size;
    told_.tree.entries.push_back(std::move(entry));
    told_.sources.push_back(source);
    return {};
  }

  ByteReader& in_;
  const Tree& from_;
  std::size_t at_ = 0;
  std::string before_;
  std::size_t text_ = 0;
  Bytes size_;
  ToldTree told_;
};

/// Follows the steps without the tree that they start from.
class MadeFileReader {
 public:
  explicit MadeFileReader(ByteReader& in) : in_(in) {}

  Result<std::vector<MadeFile>> read() {
    const auto total = in_.varint();
    if (total > kMostTreeEntries) return corrupt("its tree has too many entries");
    while (in_.good() && entry_ < total) {
      const auto step = in_.varint();
      const auto count = step >> kStepBits;
      if (count == 0 || count > kMostTreeEntries) return corrupt("its tree is impossible");
      UPSWARM_CHECK(take(static_cast<Step>(step & kStepMask), count));
    }
    if (!in_.good()) return corrupt("its tree is cut off");
    if (entry_ > total) return corrupt("its tree is longer than it says");
    return std::move(made_);
  }

 private:
  Result<void> take(Step step, std::uint64_t count) {
    switch (step) {
      case Step::keep: return skip(count, count);
      case Step::drop: return skip(0, count);
      case Step::changed:
        for (std::uint64_t i = 0; i < count && in_.good(); ++i) {
          UPSWARM_CHECK(add("", static_cast<std::uint32_t>(at_)));
          UPSWARM_CHECK(skip(1, 1));
        }
        return {};
      case Step::fresh:
        for (std::uint64_t i = 0; i < count && in_.good(); ++i) UPSWARM_CHECK(tell());
        return {};
      case Step::moved:
        in_.varint();
        in_.varint();
        in_.raw(std::min<std::uint64_t>(in_.varint(), kLongestTreePath));
        return skip(count, 0);
    }
    return corrupt("its tree is told in a way that is not known");
  }

  Result<void> skip(std::uint64_t told, std::uint64_t old) {
    entry_ += told;
    at_ += old;
    if (entry_ > kMostTreeEntries || at_ > kMostTreeEntries) return corrupt("its tree has too many entries");
    return {};
  }

  Result<void> tell() {
    const auto shared = in_.varint();
    const auto rest = in_.varint();
    if (shared > before_.size() || rest > kLongestTreePath) return corrupt("a path is impossible");
    before_ = joined(std::string_view(before_).substr(0, shared), in_.raw(rest));
    if (before_.size() > kLongestTreePath) return corrupt("a path is too long");
    const auto told_type = in_.u8();
    if (told_type > static_cast<std::uint8_t>(FileType::symlink)) return corrupt("an entry has no known type");
    const auto type = static_cast<FileType>(told_type);
    in_.varint();  // mode
    if (type == FileType::symlink) in_.raw(std::min<std::uint64_t>(in_.varint(), kLongestTreePath));
    if (type == FileType::regular) UPSWARM_CHECK(add(before_, std::nullopt));
    text_ += before_.size();
    if (text_ > kLongestTreeText) return corrupt("its paths are too long together");
    return skip(1, 0);
  }

  Result<void> add(const std::string& path, std::optional<std::uint32_t> old_entry) {
    const auto told = in_.varint();
    if (told >= kFirstCopied) return {};
    const Bytes size{in_.varint()};
    if (size > kLargestTree - size_) return corrupt("its sizes overflow");
    size_ += size;
    in_.raw(DigestStart().size());
    made_.push_back({static_cast<std::uint32_t>(entry_), path, old_entry, size,
                     told == 0 ? ContentSource::Kind::patched : ContentSource::Kind::prefixed});
    return {};
  }

  ByteReader& in_;
  std::uint64_t entry_ = 0;  ///< of the told tree
  std::uint64_t at_ = 0;     ///< in the other one
  std::string before_;
  std::size_t text_ = 0;
  Bytes size_;
  std::vector<MadeFile> made_;
};

}  // namespace

DigestStart start_of(const Sha256& digest) {
  DigestStart start;
  std::copy_n(digest.bytes.begin(), start.size(), start.begin());
  return start;
}

void encode_tree_difference(const Tree& from, const Tree& to, const std::vector<ContentSource>& sources,
                            ByteWriter& out) {
  out.varint(to.entries.size());
  Writer writer(from, out);
  auto old = from.entries.begin();
  for (std::size_t i = 0; i < to.entries.size(); ++i) {
    const auto& entry = to.entries[i];
    for (; old != from.entries.end() && old->path < entry.path; ++old) writer.drop();
    const bool is_at_same = old != from.entries.end() && old->path == entry.path;
    if (is_at_same && *old == entry) {
      writer.keep();
    } else if (is_at_same && is_changed_content(*old, entry)) {
      writer.tell(Step::changed, entry, sources[i]);
    } else if (is_at_same || !writer.move(entry, sources[i])) {
      if (is_at_same) writer.drop();
      writer.tell(Step::fresh, entry, sources[i]);
    }
    if (is_at_same) ++old;
  }
  writer.flush();
}

Result<ToldTree> decode_tree_difference(ByteReader& in, const Tree& from) { return Reader(in, from).read(); }

Result<std::vector<MadeFile>> decode_made_files(ByteReader& in) { return MadeFileReader(in).read(); }

}  // namespace upswarm::package
