#include "protocol/package/encode/opening.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/encode/compress.hpp"
#include "protocol/package/encode/recipe_search.hpp"

namespace upswarm::package {
namespace {

constexpr int kLevelOfEstimate = 9;
constexpr std::uint64_t kCostOfStream = 3;   ///< what telling one takes, about
constexpr std::uint64_t kWorthOpening = 64;  ///< it makes applying slower: it must save more than one byte in so many
constexpr std::size_t kMostPaired = 16;      ///< old files that one new file is compared with
constexpr std::size_t kMostOpenedParts = kMostParts / 2;

std::string_view name_of_file(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// What is remembered of a stream when its file is let go.
struct StreamNote {
  std::size_t begin = 0;
  std::size_t length = 0;
  std::size_t size = 0;
  Sha256 digest;  ///< of the stream itself
  std::string name;
};

/// A file with its streams, and which of them are opened.
struct Archive {
  std::string bytes;
  std::vector<FoundStream> streams;
  std::vector<bool> is_open;

  std::vector<Bytes> gaps() const {
    std::vector<Bytes> gaps;
    std::size_t end = 0;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (!is_open[i]) continue;
      gaps.push_back(Bytes{streams[i].begin - end});
      end = streams[i].begin + streams[i].length;
    }
    return gaps;
  }
  std::string opened() const {
    std::string whole;
    for (const auto& part : open_parts("", as_bytes(bytes), streams, gaps())) whole += as_text(part.bytes);
    return whole;
  }
};

struct OldArchive {
  std::vector<StreamNote> streams;
  bool is_paired = false;                ///< with a new one that is opened
  std::set<std::string> closed_members;  ///< whose new versions cannot be opened
};

class Opener {
 public:
  explicit Opener(const OpeningWork& work) : work_(work), limit_(std::min(work.window, kLargestOpenedFile)) {}

  Result<OpenedFiles> run() {
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t i = 0; i < work_.sources.size(); ++i) {
      if (!work_.sources[i].is_made()) continue;
      UPSWARM_TRY(const bool may, may_open(work_.to, work_.new_tree.entries[i]));
      if (may) wanted.push_back(i);
    }
    if (wanted.empty()) return OpenedFiles{};
    UPSWARM_CHECK(find_old(wanted));
    for (const auto entry : wanted) UPSWARM_CHECK(open_new(entry));
    open_old();
    return std::move(result_);
  }

 private:
  Result<bool> may_open(const Path& folder, const TreeEntry& entry) {
    if (!has_content(entry) || entry.size < Bytes{kArchiveStart} || entry.size > limit_) return false;
    UPSWARM_CHECK(work_.go_on());
    UPSWARM_TRY(const auto in, work_.files.open(place_of(folder, entry.path)));
    UPSWARM_TRY(const auto start, read_exactly(*in, {}, Bytes{kArchiveStart}, entry.path));
    return may_hold_streams(as_bytes(start));
  }

  Result<Archive> load(const Path& folder, const TreeEntry& entry) {
    UPSWARM_CHECK(work_.go_on());
    UPSWARM_TRY(const auto in, work_.files.open(place_of(folder, entry.path)));
    Archive archive;
    UPSWARM_TRY(archive.bytes, read_exactly(*in, {}, entry.size, entry.path));
    if (sha256(archive.bytes) != entry.digest)
      return Error{ErrorKind::busy, "read " + entry.path, "it changed while the delta was being made"};
    // What lies between streams counts as well.
    archive.streams = find_streams(as_bytes(archive.bytes), limit_ - std::min(limit_, entry.size));
    archive.is_open.resize(archive.streams.size());
    return archive;
  }

  static Sha256 digest_of(const Archive& archive, const FoundStream& stream) {
    return sha256(std::string_view(archive.bytes).substr(stream.begin, stream.length));
  }

  /// Which old files each new one is compared with.
  Result<void> find_old(const std::vector<std::uint32_t>& wanted) {
    std::multimap<std::string_view, std::uint32_t> by_name;
    std::set<std::uint32_t> copied;
    for (const auto& source : work_.sources) {
      if (source.kind == ContentSource::Kind::copied) copied.insert(source.from);
    }
    std::vector<std::uint32_t> gone;
    for (std::uint32_t i = 0; i < work_.old_tree.entries.size(); ++i) {
      const auto& entry = work_.old_tree.entries[i];
      by_name.emplace(name_of_file(entry.path), i);
      if (!copied.contains(i) && work_.new_tree.find(entry.path) == nullptr) gone.push_back(i);
    }
    for (const auto entry : wanted) {
      const auto& path = work_.new_tree.entries[entry].path;
      const auto* const same = work_.old_tree.find(path);
      if (same != nullptr) {
        UPSWARM_CHECK(pair(entry, static_cast<std::uint32_t>(same - work_.old_tree.entries.data())));
        continue;
      }
      const auto [first, last] = by_name.equal_range(name_of_file(path));
      for (auto one = first; one != last; ++one) UPSWARM_CHECK(pair(entry, one->second));
      if (!pairs_[entry].empty()) continue;
      const auto ending = path.substr(std::min(path.size(), path.rfind('.')));
      for (const auto one : gone) {
        if (work_.old_tree.entries[one].path.ends_with(ending)) UPSWARM_CHECK(pair(entry, one));
      }
    }
    return {};
  }

  Result<void> pair(std::uint32_t entry, std::uint32_t old_entry) {
    auto& pairs = pairs_[entry];
    if (pairs.size() == kMostPaired) return {};
    const auto& old = work_.old_tree.entries[old_entry];
    if (!old_.contains(old_entry)) {
      UPSWARM_TRY(const bool may, may_open(work_.from, old));
      if (!may) return {};
      UPSWARM_TRY(const auto archive, load(work_.from, old));
      auto& notes = old_[old_entry].streams;
      for (const auto& stream : archive.streams) {
        notes.push_back({stream.begin, stream.length, stream.content.size(), digest_of(archive, stream), stream.name});
        old_digests_.insert(notes.back().digest);
      }
    }
    pairs.push_back(old_entry);
    return {};
  }

  Result<void> open_new(std::uint32_t number) {
    const auto& entry = work_.new_tree.entries[number];
    UPSWARM_TRY(auto archive, load(work_.to, entry));
    std::vector<std::size_t> wanted;
    std::set<Sha256> digests;
    for (std::size_t i = 0; i < archive.streams.size(); ++i) {
      const auto digest = digest_of(archive, archive.streams[i]);
      digests.insert(digest);
      if (old_digests_.contains(digest)) same_.insert(digest);
      else wanted.push_back(i);
    }
    if (wanted.empty()) return {};
    UPSWARM_TRY(const auto recipes,
                find_recipes(as_bytes(archive.bytes), archive.streams, wanted, work_.threads, work_.go_on));
    OpenedNew opened{number, entry.size, {}};
    std::set<std::string> closed_members;
    std::size_t end = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto& stream = archive.streams[wanted[i]];
      if (!recipes[i]) {
        closed_members.insert(stream.name);
        continue;
      }
      archive.is_open[wanted[i]] = true;
      opened.streams.push_back({Bytes{stream.begin - end}, Bytes{stream.content.size()}, *recipes[i]});
      opened.size += Bytes{stream.content.size()};
      opened.size -= Bytes{stream.length};
      end = stream.begin + stream.length;
    }
    UPSWARM_TRY(const bool pays, is_worth_it(number, archive, digests, opened, closed_members));
    if (!pays || !has_room(opened)) return {};
    for (const auto old : pairs_[number]) {
      old_[old].is_paired = true;
      old_[old].closed_members.insert(closed_members.begin(), closed_members.end());
    }
    result_.new_files.push_back(std::move(opened));
    return {};
  }

  bool has_room(const OpenedNew& opened) {
    if (opened.size > kMostOpened - opened_ || opened.streams.size() + 1 > kMostOpenedParts - parts_) return false;
    opened_ += opened.size;
    parts_ += opened.streams.size() + 1;
    return true;
  }

  /// By what zstd makes of both forms with the old files at hand.
  Result<bool> is_worth_it(std::uint32_t number, const Archive& archive, const std::set<Sha256>& digests,
                           const OpenedNew& opened, const std::set<std::string>& closed_members) {
    if (opened.streams.empty()) return false;
    std::string old_closed;
    std::string old_opened;
    for (const auto one : pairs_[number]) {
      UPSWARM_TRY(auto old, load(work_.from, work_.old_tree.entries[one]));
      for (std::size_t i = 0; i < old.streams.size(); ++i) {
        old.is_open[i] =
            !digests.contains(digest_of(old, old.streams[i])) && !closed_members.contains(old.streams[i].name);
      }
      if (Bytes{old_opened.size()} > limit_) break;
      old_closed += old.bytes;
      old_opened += old.opened();
    }
    const auto new_opened = archive.opened();
    UPSWARM_TRY(const auto closed, compress_against(as_bytes(old_closed), as_bytes(archive.bytes), kLevelOfEstimate));
    UPSWARM_CHECK(work_.go_on());
    UPSWARM_TRY(const auto open, compress_against(as_bytes(old_opened), as_bytes(new_opened), kLevelOfEstimate));
    return open.size() + kCostOfStream * opened.streams.size() < closed.size() - closed.size() / kWorthOpening;
  }

  void open_old() {
    Bytes sum;
    std::size_t parts = 0;
    for (const auto& [number, archive] : old_) {
      if (!archive.is_paired) continue;
      OpenedOld opened{number, work_.old_tree.entries[number].size, {}};
      std::size_t end = 0;
      for (const auto& stream : archive.streams) {
        if (same_.contains(stream.digest) || archive.closed_members.contains(stream.name)) continue;
        opened.gaps.push_back(Bytes{stream.begin - end});
        opened.size += Bytes{stream.size};
        opened.size -= Bytes{stream.length};
        end = stream.begin + stream.length;
      }
      if (opened.gaps.empty() || opened.size > kMostOpened - sum || opened.gaps.size() + 1 > kMostOpenedParts - parts)
        continue;
      sum += opened.size;
      parts += opened.gaps.size() + 1;
      result_.old_files.push_back(std::move(opened));
    }
  }

  const OpeningWork& work_;
  Bytes limit_;
  std::map<std::uint32_t, OldArchive> old_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> pairs_;  // new entry, old ones
  std::set<Sha256> old_digests_;
  std::set<Sha256> same_;  // streams that both trees have
  OpenedFiles result_;
  Bytes opened_;
  std::size_t parts_ = 0;
};

}  // namespace

std::vector<OpenedPart> open_parts(const std::string& path, ByteView file, const std::vector<FoundStream>& found,
                                   const std::vector<Bytes>& gaps) {
  std::vector<OpenedPart> parts;
  std::size_t end = 0;
  auto stream = found.begin();
  for (const auto gap : gaps) {
    stream = std::ranges::find(stream, found.end(), end + gap.count, &FoundStream::begin);
    if (stream == found.end()) return {};
    parts.push_back({path, file.subspan(end, gap.count), false});
    parts.push_back({path + "!" + stream->name, stream->content, true});
    end = stream->begin + stream->length;
  }
  parts.push_back({path, file.subspan(end), false});
  return parts;
}

std::vector<Bytes> gaps_of(const OpenedNew& file) {
  std::vector<Bytes> gaps;
  for (const auto& stream : file.streams) gaps.push_back(stream.gap);
  return gaps;
}

Result<OpenedFiles> choose_opened(const OpeningWork& work) { return Opener(work).run(); }

}  // namespace upswarm::package
