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
  std::vector<Sha256> digests;  ///< of the streams themselves
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
  void append_opened(std::string& to) const {
    const auto parts = open_parts("", as_bytes(bytes), streams, gaps());
    for (const auto& part : parts) to += as_text(part.bytes);
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

  using Keeps = std::function<bool(const FoundStream&, const Sha256& digest)>;
  Bytes largest_opened(const TreeEntry& entry) const {
    return std::min(limit_, Bytes{entry.size.count * kMostInflation});
  }

  Result<Archive> load(const Path& folder, const TreeEntry& entry, const Keeps& keeps) {
    UPSWARM_CHECK(work_.go_on());
    UPSWARM_TRY(const auto in, work_.files.open(place_of(folder, entry.path)));
    Archive archive;
    UPSWARM_TRY(archive.bytes, read_exactly(*in, {}, entry.size, entry.path));
    if (sha256(archive.bytes) != entry.digest)
      return Error{ErrorKind::busy, "read " + entry.path, "it changed while the delta was being made"};
    // What lies between streams counts as well.
    archive.streams =
        find_streams(as_bytes(archive.bytes), limit_ - std::min(limit_, entry.size), [&](const FoundStream& stream) {
          const auto packed = std::string_view(archive.bytes);
          archive.digests.push_back(sha256(packed.substr(stream.begin, stream.length)));
          return keeps(stream, archive.digests.back());
        });
    archive.is_open.resize(archive.streams.size());
    return archive;
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
      const auto path = work_.new_tree.entries[entry].path.view();
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
        if (work_.old_tree.entries[one].path.view().ends_with(ending)) UPSWARM_CHECK(pair(entry, one));
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
      UPSWARM_TRY(const auto memory, work_.take_memory(largest_opened(old)));
      UPSWARM_TRY(const auto archive, load(work_.from, old, [](const auto&, const auto&) { return false; }));
      auto& notes = old_[old_entry].streams;
      for (std::size_t i = 0; i < archive.streams.size(); ++i) {
        const auto& stream = archive.streams[i];
        notes.push_back({stream.begin, stream.length, stream.size, archive.digests[i], stream.name});
        old_digests_.insert(archive.digests[i]);
      }
    }
    pairs.push_back(old_entry);
    return {};
  }

  Result<void> open_new(std::uint32_t number) {
    const auto& entry = work_.new_tree.entries[number];
    auto largest = largest_opened(entry);
    for (const auto old : pairs_[number]) largest = std::max(largest, largest_opened(work_.old_tree.entries[old]));
    UPSWARM_TRY(const auto memory, work_.take_memory(largest));
    UPSWARM_TRY(auto archive, load(work_.to, entry, [this](const FoundStream&, const Sha256& digest) {
                  return !old_digests_.contains(digest);
                }));
    std::vector<std::size_t> wanted;
    std::set<Sha256> digests;
    for (std::size_t i = 0; i < archive.streams.size(); ++i) {
      const auto& digest = archive.digests[i];
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
      opened.streams.push_back({Bytes{stream.begin - end}, Bytes{stream.size}, *recipes[i]});
      opened.size += Bytes{stream.size};
      opened.size -= Bytes{stream.length};
      end = stream.begin + stream.length;
    }
    UPSWARM_TRY(const bool pays, is_worth_it(number, std::move(archive), digests, opened, closed_members));
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

  /// By what zstd makes of both forms with the old files at hand: first closed, and then, when nobody holds that,
  /// opened.
  Result<bool> is_worth_it(std::uint32_t number, Archive archive, const std::set<Sha256>& digests,
                           const OpenedNew& opened, const std::set<std::string>& closed_members) {
    if (opened.streams.empty()) return false;
    const auto is_open = [&](const Sha256& digest, const std::string& name) {
      return !digests.contains(digest) && !closed_members.contains(name);
    };
    std::vector<std::uint32_t> compared;
    Bytes size;
    for (const auto one : pairs_[number]) {
      if (size > limit_) break;
      compared.push_back(one);
      size += work_.old_tree.entries[one].size;
      for (const auto& stream : old_[one].streams) {
        if (is_open(stream.digest, stream.name)) size = size + Bytes{stream.size} - Bytes{stream.length};
      }
    }
    UPSWARM_TRY(const auto closed, closed_size(compared, archive));
    UPSWARM_CHECK(work_.go_on());
    std::string new_opened;
    new_opened.reserve(opened.size.count);
    archive.append_opened(new_opened);
    archive = {};
    std::string old_opened;
    old_opened.reserve(size.count);
    for (const auto one : compared) {
      UPSWARM_TRY(auto old, load(work_.from, work_.old_tree.entries[one],
                                 [&](const auto& stream, const auto& digest) { return is_open(digest, stream.name); }));
      for (std::size_t i = 0; i < old.streams.size(); ++i)
        old.is_open[i] = is_open(old.digests[i], old.streams[i].name);
      old.append_opened(old_opened);
    }
    UPSWARM_TRY(const auto open, compress_against(as_bytes(old_opened), as_bytes(new_opened), kLevelOfEstimate));
    return open.size() + kCostOfStream * opened.streams.size() < closed - closed / kWorthOpening;
  }

  Result<std::size_t> closed_size(const std::vector<std::uint32_t>& compared, const Archive& archive) {
    std::string old_closed;
    for (const auto one : compared) {
      const auto& entry = work_.old_tree.entries[one];
      UPSWARM_TRY(const auto in, work_.files.open(place_of(work_.from, entry.path)));
      UPSWARM_TRY(auto bytes, read_exactly(*in, {}, entry.size, entry.path));
      if (old_closed.empty()) old_closed = std::move(bytes);
      else old_closed += bytes;
    }
    UPSWARM_TRY(const auto closed, compress_against(as_bytes(old_closed), as_bytes(archive.bytes), kLevelOfEstimate));
    return closed.size();
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

KeepsContent keeps_opened(const std::vector<Bytes>& gaps) {
  return [&gaps, next = std::size_t{0}, end = std::size_t{0}](const FoundStream& stream) mutable {
    if (next == gaps.size() || stream.begin != end + gaps[next].count) return false;
    end = stream.begin + stream.length;
    ++next;
    return true;
  };
}

std::vector<Bytes> gaps_of(const OpenedNew& file) {
  std::vector<Bytes> gaps;
  for (const auto& stream : file.streams) gaps.push_back(stream.gap);
  return gaps;
}

Result<OpenedFiles> choose_opened(const OpeningWork& work) { return Opener(work).run(); }

}  // namespace upswarm::package
