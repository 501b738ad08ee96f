#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <thread>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/encode/compress.hpp"
#include "protocol/package/encode/group_plan.hpp"
#include "protocol/package/encode/matcher.hpp"
#include "protocol/package/encode/opening.hpp"
#include "protocol/package/encode/package_file.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "protocol/package/encode/patch_encoder.hpp"
#include "protocol/package/encode/split_texts.hpp"
#include "protocol/package/tree_difference.hpp"

namespace upswarm::package {
namespace {

/// What making a group takes at its peak for each byte of the old files or the new ones, whichever are more. While it
/// searches: the suffix array (4), both with their references twice and a bit a byte (2 to 4; 2.7 of usual code).
/// Before and after that it is less, as it is for each byte of a file that is looked at opened.
constexpr std::uint64_t kMemoryOfByte = 9;
/// zstd's tables, a prefix as long as they reach, half as much new text, and as much for the frame.
constexpr std::uint64_t kMemoryOfTextByte = kTablesOfByte + 2;
constexpr Bytes kMostMemoryOfText{(32_MiB).count * kMemoryOfTextByte};
constexpr Bytes kLeastMemoryOfText{(4_MiB).count * kMemoryOfTextByte};
constexpr std::uint64_t kWorthComparingAgain = 64 * 1024;  ///< bytes of regions that were better without
constexpr std::size_t kWorthRemembering =
    64;  ///< a memory makes applying slower: it must save more than one in so many bytes
constexpr Bytes kTextLookedAt = 4_KiB;
constexpr Bytes kTriedBothWays = 4_MiB;  ///< of text: it takes 0.2 s a MB, with up to 24 MiB of old text
constexpr Bytes kSmallestWindow = 1_MiB;
constexpr Bytes kLargestWindow = 1_GiB;

constexpr int kFastLevel = 9;
constexpr int kStandardLevel = 19;  ///< 22 saves up to 1.6 % of streams, and takes twice the time
constexpr int kBestLevel = 22;  ///< for frames with a prefix it saves 6 %, so it is what the standard level does, too

int zstd_level_of(PackLevel level) {
  switch (level) {
    case PackLevel::fast: return kFastLevel;
    case PackLevel::best: return kBestLevel;
    default: return kStandardLevel;
  }
}

class DeltaBuilder {
 public:
  DeltaBuilder(Files& files, const Path& from, const Path& to, const DeltaOptions& options,
               const ProgressSink& progress, std::stop_token stop)
      : files_(files), from_(from), to_(to), options_(options), progress_(progress), stop_(std::move(stop)) {}

  Result<void> scan() {
    UPSWARM_TRY(old_tree_,
                options_.old_tree != nullptr ? Result<Tree>(*options_.old_tree) : scan_tree(files_, from_, stop_));
    UPSWARM_TRY(new_tree_,
                options_.new_tree != nullptr ? Result<Tree>(*options_.new_tree) : scan_tree(files_, to_, stop_));
    UPSWARM_CHECK(check_tree(old_tree_));
    UPSWARM_CHECK(check_tree(new_tree_));
    std::map<Sha256, std::uint32_t> by_digest;
    for (std::uint32_t i = 0; i < old_tree_.entries.size(); ++i) {
      if (old_tree_.entries[i].type == FileType::regular) by_digest.emplace(old_tree_.entries[i].digest, i);
    }
    for (const auto& entry : new_tree_.entries) {
      ContentSource source;
      if (entry.type == FileType::regular) {
        const auto same = by_digest.find(entry.digest);
        source = {ContentSource::Kind::patched, 0, start_of(entry.digest)};
        if (same != by_digest.end()) {
          source = {ContentSource::Kind::copied, same->second, {}};
        } else {
          UPSWARM_TRY(const bool text, is_small_text(entry));
          if (text && has_prefix_room(old_tree_, entry, text_window())) source.kind = ContentSource::Kind::prefixed;
        }
      }
      sources_.push_back(source);
    }
    return {};
  }

  /// Decides which files are seen opened. From here on groups know their sizes so.
  Result<void> open_files() {
    UPSWARM_TRY(opened_, choose_opened({files_, from_, old_tree_, to_, new_tree_, sources_, window(), threads(),
                                        [this] { return tell(); },
                                        [this](Bytes size) { return options_.take_memory(memory_for_delta(size)); }}));
    if (opened_.empty()) return {};
    filters_.insert(kDeflateFilter);
    seen_old_ = old_tree_;
    seen_new_ = new_tree_;
    for (const auto& file : opened_.old_files) seen_old_.entries[file.entry].size = file.size;
    for (const auto& file : opened_.new_files) {
      seen_new_.entries[file.entry].size = file.size;
      UPSWARM_TRY(const bool small_text, is_opened_text(file));
      const bool text = small_text && has_prefix_room(seen_old_, seen_new_.entries[file.entry], text_window());
      sources_[file.entry].kind = text ? ContentSource::Kind::prefixed : ContentSource::Kind::patched;
    }
    return {};
  }

  Result<void> make_groups(PackageFile& file) {
    UPSWARM_TRY(const auto split_texts, find_split_texts());
    const auto plans = plan_groups(seen_old(), seen_new(), sources_, window(), text_window(), split_texts);
    for (const auto& plan : plans) {
      for (const auto& piece : plan.new_pieces) to_make_ += piece.length;
    }
    for (const auto& plan : plans) UPSWARM_CHECK(make_group(plan, file));
    return {};
  }

  Result<std::string> head() const {
    std::size_t parts = 0;
    for (const auto& group : groups_) parts += group.parts();
    parts += opened_.parts();
    if (groups_.size() > kMostGroups || parts > kMostParts)
      return Error{ErrorKind::invalid, "make a delta", "the trees differ in more parts than a delta may have"};
    std::string plan;
    ByteWriter out(plan);
    out.u8(static_cast<std::uint8_t>(filters_.size()));
    for (const auto filter : filters_) {
      out.u8(static_cast<std::uint8_t>(filter.size()));
      out.raw(filter);
    }
    out.varint(new_tree_.total_size().count);
    std::string difference;
    ByteWriter tree_out(difference);
    encode_tree_difference(old_tree_, new_tree_, sources_, tree_out);
    out.varint(difference.size());
    out.raw(difference);
    if (!opened_.empty()) encode_opened(opened_, out);
    out.varint(groups_.size());
    for (const auto& group : groups_) encode_group(group, out);
    UPSWARM_TRY(const auto compressed, compress(as_bytes(plan)));
    std::string head;
    ByteWriter header(head);
    header.raw(kDeltaMagic);
    header.u32(kDeltaVersion);
    header.u32(0);
    header.digest(content_digest(old_tree_));
    header.digest(content_digest(new_tree_));
    header.u64(compressed.size());
    header.u64(plan.size());
    header.raw(compressed);
    return head;
  }

  PackedDelta describe(const PackageFile::Written& written) const {
    return {written.length, written.sha256, content_digest(old_tree_), content_digest(new_tree_)};
  }

 private:
  Result<bool> is_small_text(const TreeEntry& entry) {
    if (entry.size == Bytes{} || entry.size > kLargestText) return false;
    return is_text(to_, entry);
  }

  Result<bool> is_text(const Path& folder, const TreeEntry& entry) {
    UPSWARM_TRY(const auto in, files_.open(place_of(folder, entry.path)));
    UPSWARM_TRY(const auto start, read_exactly(*in, {}, std::min(entry.size, kTextLookedAt), entry.path));
    return start.find('\0') == std::string::npos;
  }

  /// Of the old tree, large text off which some of the new files that are small text was split.
  Result<std::set<std::uint32_t>> find_split_texts() {
    SplitTexts texts;
    for (std::uint32_t i = 0; i < new_tree_.entries.size(); ++i) {
      const auto& entry = new_tree_.entries[i];
      if (sources_[i].kind != ContentSource::Kind::prefixed || opened_.find_new(i) != nullptr ||
          has_old_version(old_tree_, entry))
        continue;
      UPSWARM_CHECK(tell());
      UPSWARM_TRY(const auto in, files_.open(place_of(to_, entry.path)));
      UPSWARM_TRY(const auto bytes, read_exactly(*in, {}, entry.size, entry.path));
      texts.add_new(as_bytes(bytes));
    }
    std::set<std::uint32_t> found;
    for (std::uint32_t i = 0; i < old_tree_.entries.size() && !texts.is_empty(); ++i) {
      const auto& entry = old_tree_.entries[i];
      if (entry.size <= kLargestText || entry.size > kLargestPrefix || opened_.find_old(i) != nullptr) continue;
      UPSWARM_CHECK(tell());
      UPSWARM_TRY(const bool text, is_text(from_, entry));
      if (!text) continue;
      UPSWARM_TRY(const auto in, files_.open(place_of(from_, entry.path)));
      UPSWARM_TRY(const auto bytes, read_exactly(*in, {}, entry.size, entry.path));
      if (texts.is_origin(as_bytes(bytes))) found.insert(i);
    }
    return found;
  }

  Bytes window() const {
    return std::clamp(Bytes{options_.memory.count / kMemoryOfByte}, kSmallestWindow, kLargestWindow);
  }
  std::size_t threads() const {
    return options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency());
  }
  const Tree& seen_old() const { return opened_.empty() ? old_tree_ : seen_old_; }
  const Tree& seen_new() const { return opened_.empty() ? new_tree_ : seen_new_; }

  /// A changelog, a manual page: one stream, of text.
  Result<bool> is_opened_text(const OpenedNew& file) {
    if (file.size > kLargestText || file.streams.size() > 1) return false;
    UPSWARM_TRY(const auto opened, open(to_, new_tree_.entries[file.entry], gaps_of(file)));
    const auto content = opened.parts.at(1).bytes;
    const auto start = as_text(content.first(std::min<std::size_t>(content.size(), kTextLookedAt.count)));
    return start.find('\0') == std::string_view::npos;
  }

  struct Opened {
    std::string bytes;
    std::vector<FoundStream> streams;
    std::vector<OpenedPart> parts;  // of the others
  };
  Result<Opened> open(const Path& folder, const TreeEntry& entry, const std::vector<Bytes>& gaps) {
    Opened opened;
    UPSWARM_TRY(const auto in, files_.open(place_of(folder, entry.path)));
    UPSWARM_TRY(opened.bytes, read_exactly(*in, {}, entry.size, entry.path));
    UPSWARM_CHECK(check_read(entry, opened.bytes));
    opened.streams = find_streams(as_bytes(opened.bytes), kLargestOpenedFile, keeps_opened(gaps));
    opened.parts = open_parts(std::string(entry.path), as_bytes(opened.bytes), opened.streams, gaps);
    return opened;
  }

  static Result<void> check_read(const TreeEntry& entry, std::string_view bytes) {
    if (sha256(bytes) == entry.digest) return {};
    return Error{ErrorKind::busy, "read " + entry.path, "it changed while the delta was being made"};
  }

  /// A group and its streams, end to end.
  struct MadeGroup {
    PatchGroup group;
    std::string streams;

    std::size_t cost() const {
      std::string told;
      ByteWriter out(told);
      encode_group(group, out);
      return told.size() + streams.size();
    }
  };

  Result<MadeGroup> make_by_prefix(const GroupPlan& plan) {
    UPSWARM_TRY(const auto old_space, read(from_, old_tree_, plan.old_pieces));
    UPSWARM_TRY(const auto new_space, read(to_, new_tree_, plan.new_pieces));
    UPSWARM_CHECK(tell());
    MadeGroup made;
    UPSWARM_TRY(made.streams,
                compress_against(old_space.bytes(), new_space.bytes(),
                                 options_.level == PackLevel::fast ? kFastLevel : kBestLevel, text_window()));
    made.group.is_prefixed = true;
    tell_old(plan, made.group);
    made.group.new_length = Bytes{new_space.size()};
    made.group.streams.back() = {made.group.new_length, Bytes{made.streams.size()}, true};
    return made;
  }

  Result<MadeGroup> make_by_copies(const GroupPlan& plan) {
    MadeGroup made;
    UPSWARM_TRY(auto patch, compare(plan, made.group));
    tell_old(plan, made.group);
    made.group.layout = std::move(patch.layout);
    made.group.copies = patch.copies;
    for (std::size_t i = 0; i < kStreams; ++i) {
      UPSWARM_CHECK(tell());
      const auto bytes = std::exchange(patch.streams.at(i), {});
      UPSWARM_TRY(made.group.streams.at(i), add_stream(static_cast<Stream>(i), bytes, memory_of(plan), made.streams));
    }
    return made;
  }

  void tell_old(const GroupPlan& plan, PatchGroup& group) const {
    std::uint32_t next = 0;  // entry that would go on the last run
    for (const auto& piece : plan.old_pieces) {
      group.old_length += piece.length;
      const auto& entries = seen_old().entries;
      if (piece.length != entries[piece.entry].size) {
        group.old_runs.push_back({piece.entry, 0, piece.begin, piece.length});
        next = 0;
        continue;
      }
      for (; next != 0 && next < piece.entry && !has_content(entries[next]);) ++next;
      if (next != 0 && next == piece.entry) ++group.old_runs.back().count;
      else group.old_runs.push_back({piece.entry, 1, {}, {}});
      next = piece.entry + 1;
    }
  }

  template <typename Piece>
  Result<EncodeSpace> read(const Path& folder, const Tree& tree, const std::vector<Piece>& pieces) {
    EncodeSpace space;
    Bytes size;
    for (const auto& piece : pieces) size += piece.length;
    space.reserve(size);
    for (const auto& piece : pieces) {
      UPSWARM_CHECK(tell());
      const auto& entry = tree.entries[piece.entry];
      if (const auto gaps = opened_gaps(piece); !gaps.empty()) {
        UPSWARM_CHECK(add_opened(folder, entry, gaps, piece.begin, piece.length, space));
        continue;
      }
      UPSWARM_TRY(const auto in, files_.open(place_of(folder, entry.path)));
      UPSWARM_TRY(const auto bytes, read_exactly(*in, piece.begin, piece.length, entry.path));
      const bool is_whole = piece.length == entry.size;
      if (is_whole) UPSWARM_CHECK(check_read(entry, bytes));
      space.add(entry.path, as_bytes(bytes), is_whole);
    }
    space.finish();
    return space;
  }

  std::vector<Bytes> opened_gaps(const OldPiece& piece) const {
    const auto* const file = opened_.find_old(piece.entry);
    return file != nullptr ? file->gaps : std::vector<Bytes>();
  }
  std::vector<Bytes> opened_gaps(const NewPiece& piece) const {
    const auto* const file = opened_.find_new(piece.entry);
    return file != nullptr ? gaps_of(*file) : std::vector<Bytes>();
  }

  /// Of the opened form `length` bytes from `begin` on.
  Result<void> add_opened(const Path& folder, const TreeEntry& entry, const std::vector<Bytes>& gaps, Bytes begin,
                          Bytes length, EncodeSpace& space) {
    UPSWARM_TRY(const auto opened, open(folder, entry, gaps));
    for (const auto& part : opened.parts) {
      const auto passed = std::min(begin.count, std::uint64_t{part.bytes.size()});
      begin -= Bytes{passed};
      const auto taken = part.bytes.subspan(passed, std::min(length.count, part.bytes.size() - passed));
      length -= Bytes{taken.size()};
      space.add(part.path, taken, part.is_stream && taken.size() == part.bytes.size());
    }
    return {};
  }

  /// Copies say less of text whose files change in the same way, more of text that changes in many places a little.
  Result<void> make_group(const GroupPlan& plan, PackageFile& file) {
    UPSWARM_CHECK(tell());
    UPSWARM_TRY(const auto memory, options_.take_memory(memory_of(plan)));
    UPSWARM_TRY(auto made, plan.is_prefixed ? make_by_prefix(plan) : make_by_copies(plan));
    if (plan.is_prefixed && made.group.new_length <= kTriedBothWays) {
      UPSWARM_TRY(auto by_copies, make_by_copies(plan));
      if (by_copies.cost() < made.cost()) made = std::move(by_copies);
    }
    UPSWARM_CHECK(file.append(as_bytes(made.streams)));
    for (const auto& region : made.group.layout.regions) filters_.insert(filter_of(region.kind));
    made_ += made.group.new_length;
    in_group_ = {};
    groups_.push_back(std::move(made.group));
    return tell();
  }

  /// Nine bytes for each of the whole tree, as all else, but no less than what a small tree takes anyway.
  Bytes memory_of_text() const {
    const auto size = std::max(old_tree_.total_size(), new_tree_.total_size());
    return std::clamp(std::min(Bytes{size.count * kMemoryOfByte}, options_.memory), kLeastMemoryOfText,
                      kMostMemoryOfText);
  }
  Bytes text_window() const { return Bytes{std::bit_floor(memory_of_text().count / kMemoryOfTextByte)}; }

  Bytes memory_of(const GroupPlan& plan) const {
    if (plan.is_prefixed) return memory_of_text();
    Bytes old_size;
    Bytes new_size;
    for (const auto& piece : plan.old_pieces) old_size += piece.length;
    for (const auto& piece : plan.new_pieces) new_size += piece.length;
    return memory_for_delta(std::max(old_size, new_size));
  }

  /// Tells `group` how long it is and whether it has a memory. Nothing of the files is held afterwards.
  Result<EncodedPatch> compare(const GroupPlan& plan, PatchGroup& group) {
    UPSWARM_TRY(auto old_space, read(from_, old_tree_, plan.old_pieces));
    UPSWARM_TRY(auto new_space, read(to_, new_tree_, plan.new_pieces));
    group.new_length = Bytes{new_space.size()};
    UPSWARM_TRY(auto copies, match(old_space, new_space));
    UPSWARM_CHECK(tell());
    auto patch = encode_patch(old_space, new_space, copies, false);
    if (is_worth_again(patch.useless.old_regions)) {
      old_space.drop(patch.useless.old_regions);
      new_space.drop(patch.useless.new_regions);
      patch = {};
      UPSWARM_TRY(copies, match(old_space, new_space));
      UPSWARM_CHECK(tell());
      patch = encode_patch(old_space, new_space, copies, false);
    }
    UPSWARM_CHECK(tell());
    auto with_memory = encode_patch(old_space, new_space, copies, true);
    UPSWARM_TRY(const auto cost, cost_of_differences(patch));
    UPSWARM_TRY(const auto other_cost, cost_of_differences(with_memory));
    group.has_memory = other_cost < cost - cost / kWorthRemembering;
    return group.has_memory ? std::move(with_memory) : std::move(patch);
  }

  Result<std::vector<CopyOperation>> match(EncodeSpace& old_space, EncodeSpace& new_space) {
    old_space.put_labels();
    new_space.put_labels();
    UPSWARM_TRY(auto copies, find_copies_of(old_space.bytes(), new_space.bytes()));
    old_space.take_labels_away();
    new_space.take_labels_away();
    return copies;
  }

  Result<std::vector<CopyOperation>> find_copies_of(ByteView old_bytes, ByteView new_bytes) {
    UPSWARM_CHECK(tell());
    UPSWARM_TRY(const auto sorted, SuffixArray::make(old_bytes));
    UPSWARM_CHECK(tell());
    const auto told = [&](std::size_t done) {
      in_group_ = std::max(in_group_, Bytes{done});
      ignore_failure(tell(), "the search looks itself");
    };
    UPSWARM_TRY(auto copies, find_copies(old_bytes, sorted, new_bytes, threads(), told, stop_));
    keep_longest(copies);
    return copies;
  }

  /// A compressed program has a code section that holds no code: to take its bytes for references only costs.
  static bool is_worth_again(const std::vector<Region>& useless) {
    std::uint64_t size = 0;
    for (const auto& region : useless) size += region.end - region.begin;
    return size >= kWorthComparingAgain;
  }

  Result<std::size_t> cost_of_differences(const EncodedPatch& patch) {
    std::size_t sum = 0;
    for (const auto stream : {Stream::gaps, Stream::differences}) {
      UPSWARM_CHECK(tell());
      UPSWARM_TRY(const auto packed, compress_bare(as_bytes(patch.streams.at(static_cast<std::size_t>(stream))),
                                                   kFastLevel, window_log_of(stream)));
      sum += packed.size();
    }
    return sum;
  }

  static void keep_longest(std::vector<CopyOperation>& copies) {
    if (copies.size() <= kMostCopies) return;
    std::vector<std::uint32_t> lengths;
    for (const auto& copy : copies) lengths.push_back(copy.length);
    const auto nth = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() - kMostCopies);
    std::nth_element(lengths.begin(), nth, lengths.end());
    std::erase_if(copies, [least = *nth](const CopyOperation& copy) { return copy.length <= least; });
  }

  /// Between all steps that take long.
  Result<void> tell() {
    if (stop_.stop_requested()) return Error{ErrorKind::cancelled, "make a delta", "stopped"};
    if (progress_) progress_({"comparing", made_ + in_group_, to_make_});
    return {};
  }

  /// zstd's tables, `bytes` and what they become take `memory` together.
  Result<StreamExtent> add_stream(Stream stream, const std::string& bytes, Bytes memory, std::string& to) {
    const auto for_tables = memory - std::min(memory, Bytes{2 * bytes.size()});
    UPSWARM_TRY(const auto packed, compress_bare(as_bytes(bytes), zstd_level_of(options_.level), window_log_of(stream),
                                                 Bytes{for_tables.count / kTablesOfByte}));
    const bool is_smaller = packed.size() < bytes.size();
    to += is_smaller ? packed : bytes;
    return StreamExtent{Bytes{bytes.size()}, Bytes{is_smaller ? packed.size() : bytes.size()}, is_smaller};
  }

  Files& files_;
  const Path& from_;
  const Path& to_;
  const DeltaOptions& options_;
  const ProgressSink& progress_;
  std::stop_token stop_;
  Bytes to_make_;
  Bytes made_;
  Bytes in_group_;  // how far the search in the present group has come
  Tree old_tree_;
  Tree new_tree_;
  std::vector<ContentSource> sources_;
  OpenedFiles opened_;
  Tree seen_old_;  // with the sizes of opened files; empty when there are none
  Tree seen_new_;
  std::vector<PatchGroup> groups_;
  std::set<std::string_view> filters_;  // that the groups need
};

}  // namespace

Bytes memory_for_delta(Bytes old_size) {
  return Bytes{std::clamp(old_size, kSmallestWindow, kLargestWindow).count * kMemoryOfByte};
}

Result<PackedDelta> write_delta(Files& files, const Path& from, const Path& to_folder, const Path& to,
                                const ProgressSink& progress, std::stop_token stop, const DeltaOptions& options) {
  DeltaBuilder builder(files, from, to_folder, options, progress, std::move(stop));
  UPSWARM_CHECK(builder.scan());
  UPSWARM_CHECK(builder.open_files());
  UPSWARM_TRY(auto file, PackageFile::create(files, to));
  UPSWARM_CHECK(builder.make_groups(file));
  UPSWARM_TRY(const auto head, builder.head());
  UPSWARM_TRY(const auto written, file.finish(head));
  return builder.describe(written);
}

}  // namespace upswarm::package
