#include "protocol/package/encode/group_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace upswarm::package {
namespace {

constexpr Bytes kCheapToSearch = 64_MiB;
constexpr Bytes kWithPrefix = 32_MiB - 1_B;   ///< new content and its prefix: zstd's window is the power of two above
constexpr std::uint64_t kWorthSearching = 8;  ///< times what is made: so much old content is looked at, changed or not

/// For old content, of a group with a prefix that makes so much.
Bytes prefix_room(Bytes made, Bytes text_window) {
  return std::min(std::min(kLargestPrefix, text_window), kWithPrefix - made);
}

std::string_view name_of_file(std::string_view path) { return path.substr(path.rfind('/') + 1); }

class GroupPlanner {
 public:
  GroupPlanner(const Tree& from, const Tree& to, const std::vector<ContentSource>& sources, Bytes window,
               Bytes text_window, const std::set<std::uint32_t>& split_texts)
      : from_(from),
        to_(to),
        sources_(sources),
        window_(window),
        text_window_(text_window),
        most_prefixed_(std::min(kLargestPrefixed, Bytes{text_window.count / 2})),
        split_texts_(split_texts) {
    for (std::size_t i = 0; i < to.entries.size(); ++i) {
      if (sources[i].kind == ContentSource::Kind::patched) made_ += to.entries[i].size;
      if (sources[i].kind == ContentSource::Kind::copied && from.entries[sources[i].from].path == to.entries[i].path)
        unchanged_.insert(sources[i].from);
      if (sources[i].kind == ContentSource::Kind::copied) copied_.insert(sources[i].from);
    }
    for (std::uint32_t i = 0; i < from.entries.size(); ++i) {
      if (from.entries[i].type != FileType::regular || from.entries[i].size == Bytes{}) continue;
      old_ += from.entries[i].size;
      by_name_.emplace(name_of_file(from.entries[i].path), i);
    }
  }

  std::vector<GroupPlan> plan() {
    for (std::uint32_t i = 0; i < to_.entries.size(); ++i) {
      if (sources_[i].kind == ContentSource::Kind::prefixed) add_prefixed(i);
    }
    close_prefixed();
    for (std::uint32_t i = 0; i < to_.entries.size(); ++i) {
      if (sources_[i].kind == ContentSource::Kind::patched) add(i);
    }
    close();
    return std::move(groups_);
  }

 private:
  void add(std::uint32_t entry) {
    const auto size = to_.entries[entry].size;
    for (Bytes begin; begin < size;) {
      if (filled_ == window_) close();
      const auto length = std::min(size - begin, window_ - filled_);
      // A file that fits into a group of its own is not torn.
      if (length < size - begin && filled_ > Bytes{} && begin == Bytes{}) {
        close();
        continue;
      }
      group_.new_pieces.push_back({entry, begin, length});
      filled_ += length;
      begin += length;
    }
  }

  void add_prefixed(std::uint32_t entry) {
    const auto size = to_.entries[entry].size;
    const auto* const before = from_.find(to_.entries[entry].path);
    const auto counterpart = before != nullptr ? before->size : Bytes{};
    if (filled_ + size > most_prefixed_ || counterparts_ + counterpart > prefix_room(filled_ + size, text_window_))
      close_prefixed();
    group_.is_prefixed = true;
    group_.new_pieces.push_back({entry, Bytes{}, size});
    filled_ += size;
    counterparts_ += counterpart;
  }

  void close_prefixed() {
    if (group_.new_pieces.empty()) return;
    room_ = prefix_room(filled_, text_window_);
    choose_likely();
    finish();
  }

  void close() {
    if (group_.new_pieces.empty()) return;
    if (old_ <= window_) {
      const bool all = old_ <= std::max(kCheapToSearch, Bytes{made_.count * kWorthSearching});
      for (std::uint32_t i = 0; i < from_.entries.size(); ++i) {
        if (all || !unchanged_.contains(i)) choose(i);
      }
    } else {
      choose_likely();
    }
    finish();
  }

  void finish() {
    std::sort(group_.old_pieces.begin(), group_.old_pieces.end(), [](const OldPiece& a, const OldPiece& b) {
      return a.entry != b.entry ? a.entry < b.entry : a.begin < b.begin;
    });
    groups_.push_back(std::move(group_));
    group_ = {};
    filled_ = {};
    counterparts_ = {};
    chosen_.clear();
    room_ = window_;
  }

  /// Same paths, then same names, then what was split, then what changed beside them, then anything that changed.
  void choose_likely() {
    for (const auto& piece : group_.new_pieces) {
      const auto& path = to_.entries[piece.entry].path;
      const auto* const same = from_.find(path);
      if (same != nullptr) choose_part(static_cast<std::uint32_t>(same - from_.entries.data()), piece);
    }
    for (const auto& piece : group_.new_pieces) {
      const auto [first, last] = by_name_.equal_range(name_of_file(to_.entries[piece.entry].path));
      for (auto one = first; one != last; ++one)
        if (!copied_.contains(one->second)) choose_small(one->second);
    }
    const auto is_new = [this](const NewPiece& piece) { return !has_old_version(from_, to_.entries[piece.entry]); };
    if (group_.is_prefixed && std::ranges::any_of(group_.new_pieces, is_new)) {
      for (const auto one : split_texts_) choose(one);
    }
    const auto& start = to_.entries[group_.new_pieces.front().entry].path;
    const auto beside = std::partition_point(from_.entries.begin(), from_.entries.end(),
                                             [&](const TreeEntry& one) { return one.path < start; });
    for (auto i = static_cast<std::uint32_t>(beside - from_.entries.begin()); i < from_.entries.size(); ++i)
      if (!copied_.contains(i)) choose_small(i);
    for (auto i = static_cast<std::uint32_t>(beside - from_.entries.begin()); i > 0; --i)
      if (!copied_.contains(i - 1)) choose_small(i - 1);
  }

  /// Beside text nothing large is chosen: it is seldom text, and takes the room.
  void choose_small(std::uint32_t entry) {
    if (!group_.is_prefixed || from_.entries[entry].size <= kLargestText) choose(entry);
  }

  void choose(std::uint32_t entry) {
    const auto& one = from_.entries[entry];
    if (one.type != FileType::regular || one.size == Bytes{} || one.size > room_ || !chosen_.insert(entry).second)
      return;
    group_.old_pieces.push_back({entry, Bytes{}, one.size});
    room_ -= one.size;
  }

  /// Of a large file what lies where the piece does, and as much again around it.
  void choose_part(std::uint32_t entry, const NewPiece& piece) {
    const auto& one = from_.entries[entry];
    if (one.size <= room_) return choose(entry);
    if (one.type != FileType::regular || chosen_.contains(entry)) return;
    const auto length = std::min(room_, Bytes{2 * piece.length.count});
    const auto before = Bytes{(length.count - std::min(length, piece.length).count) / 2};
    const auto begin = std::min(piece.begin - std::min(piece.begin, before), one.size - length);
    if (length == Bytes{}) return;
    chosen_.insert(entry);
    group_.old_pieces.push_back({entry, begin, length});
    room_ -= length;
  }

  const Tree& from_;
  const Tree& to_;
  const std::vector<ContentSource>& sources_;
  Bytes window_;
  Bytes text_window_;
  Bytes most_prefixed_;
  const std::set<std::uint32_t>& split_texts_;
  Bytes made_;
  Bytes old_;
  std::set<std::uint32_t> unchanged_;  ///< copied to where they were
  std::set<std::uint32_t> copied_;
  std::multimap<std::string_view, std::uint32_t> by_name_;
  std::vector<GroupPlan> groups_;
  GroupPlan group_;
  Bytes filled_;
  Bytes counterparts_;  ///< what old files of the same paths take
  Bytes room_ = window_;
  std::set<std::uint32_t> chosen_;
};

}  // namespace

bool has_old_version(const Tree& from, const TreeEntry& made) {
  const auto* const before = from.find(made.path);
  return before != nullptr && before->size.count >= made.size.count / 2;
}

bool has_prefix_room(const Tree& from, const TreeEntry& made, Bytes text_window) {
  const auto* const before = from.find(made.path);
  return before == nullptr || before->size <= prefix_room(made.size, text_window);
}

std::vector<GroupPlan> plan_groups(const Tree& from, const Tree& to, const std::vector<ContentSource>& sources,
                                   Bytes window, Bytes text_window, const std::set<std::uint32_t>& split_texts) {
  return GroupPlanner(from, to, sources, window, text_window, split_texts).plan();
}

}  // namespace upswarm::package
