#include "protocol/package/decode/delta_reader.hpp"

#include <algorithm>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/patch_decoder.hpp"
#include "protocol/package/decode/tree_output.hpp"
#include "protocol/package/decode/zstd_stream.hpp"
#include "protocol/package/tree_difference.hpp"

namespace upswarm::package {
namespace {

constexpr const char* kWhat = "a delta";
constexpr Bytes kLongestPlan = 512_MiB;
constexpr std::size_t kMostFilters = 16;
constexpr std::size_t kLongestFilterName = 64;
constexpr std::size_t kReadBuffer = 256 * 1024;

Error corrupt(std::string why) { return corrupt_package(kWhat, std::move(why)); }
Error wrong_base(std::string why) { return {ErrorKind::corrupt, "apply a delta", std::move(why), "wrong_base"}; }

Result<std::vector<std::string>> read_filters(ByteReader& in) {
  const auto count = in.u8();
  if (count > kMostFilters) return corrupt("it names too many filters");
  std::vector<std::string> filters;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto length = in.u8();
    if (length == 0 || length > kLongestFilterName) return corrupt("a filter has an impossible name");
    const std::string name(in.raw(length));
    // What is not known is shown to people.
    if (std::any_of(name.begin(), name.end(), [](char c) { return c < '!' || c > '~'; }))
      return corrupt("a filter has an impossible name");
    if (in.good() && std::find(kDeltaFilters.begin(), kDeltaFilters.end(), name) == kDeltaFilters.end()) {
      return Error{ErrorKind::invalid, kWhat,
                   "its filter \"" + name + "\" is not known to this program; update Upswarm first"};
    }
    filters.push_back(name);
  }
  return filters;
}

Result<void> check_altered(Files& files, const Path& base, const TreeEntry& entry) {
  UPSWARM_TRY(const auto in, files.open(place_of(base, entry.path)));
  ByteBuffer buffer(kReadBuffer);
  Sha256Hasher hasher;
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, in->read_at(at, buffer));
    if (count == 0) break;
    hasher.update(ByteView(buffer).first(count));
    at += Bytes{count};
  }
  if (hasher.finish() != entry.digest) return wrong_base("the installed file " + entry.path + " was altered");
  return {};
}

}  // namespace

struct DeltaReader::State {
  std::unique_ptr<InputFile> file;
  DeltaInfo info;
  std::string tree_bytes;  ///< the difference of trees
  Bytes streams;           ///< where they begin

  Bytes streams_of(std::size_t group) const;
};

namespace {

/// One run of apply().
class Applier {
 public:
  struct Work {
    Files& files;
    const Path& base;
    const Tree& base_tree;
    const Path& to;
    const ProgressSink& progress;
    const std::stop_token& stop;
  };

  Applier(const Work& work, ToldTree told) : work_(work), told_(std::move(told)) {
    for (const auto kind : {ContentSource::Kind::prefixed, ContentSource::Kind::patched}) {
      for (std::size_t i = 0; i < told_.sources.size(); ++i)
        if (told_.sources[i].kind == kind) made_.push_back(i);
    }
    total_ = told_.tree.total_size();
  }

  Result<void> copy_files() {
    for (std::size_t i = 0; i < told_.sources.size(); ++i) {
      if (told_.sources[i].kind == ContentSource::Kind::copied) UPSWARM_CHECK(copy_file(i));
    }
    return {};
  }

  Result<void> make_files(const PatchGroup& group, InputFile& file, Bytes streams) {
    UPSWARM_TRY(const auto pieces, find_old_pieces(group, work_.base_tree));
    OldSpace old_space(work_.files, work_.base, work_.base_tree, pieces);
    auto decoded = decode_patch(file, streams, group, old_space, [this](ByteView bytes) { return write(bytes); });
    if (decoded || decoded.error().kind != ErrorKind::corrupt) return decoded;
    // What does not fit may be the fault of the base.
    for (const auto& piece : pieces)
      UPSWARM_CHECK(check_altered(work_.files, work_.base, work_.base_tree.entries[piece.entry]));
    return decoded;
  }

  Result<Tree> finish(const Sha256& content) {
    UPSWARM_CHECK(start_empty_files());
    if (next_ != made_.size() || out_) return corrupt("it makes less than its tree needs");
    if (content_digest(told_.tree) != content) return corrupt("it leads to another tree than it says");
    UPSWARM_CHECK(sync_folders(work_.files, work_.to, told_.tree));
    return std::move(told_.tree);
  }

 private:
  Result<void> copy_file(std::size_t number) {
    const auto& entry = told_.tree.entries[number];
    const auto& from = work_.base_tree.entries[told_.sources[number].from];
    UPSWARM_TRY(const auto in, work_.files.open(place_of(work_.base, from.path)));
    UPSWARM_TRY(auto out, FileOutput::create(work_.files, work_.to, entry));
    ByteBuffer buffer(kReadBuffer);
    const auto altered = [&](Result<void> done) {
      return !done && done.error().kind == ErrorKind::corrupt
                 ? wrong_base("the installed file " + from.path + " was altered")
                 : std::move(done);
    };
    for (Bytes at;;) {
      UPSWARM_TRY(const auto count, in->read_at(at, buffer));
      if (count == 0) break;
      UPSWARM_CHECK(altered(out.write(ByteView(buffer).first(count))));
      at += Bytes{count};
      UPSWARM_CHECK(tell(Bytes{count}));
    }
    return altered(out.finish());
  }

  Result<void> tell(Bytes more) {
    done_ += more;
    if (work_.stop.stop_requested()) return Error{ErrorKind::cancelled, "apply a delta", "stopped"};
    if (work_.progress) work_.progress({"applying", done_, total_});
    return {};
  }

  Result<void> write(ByteView bytes) {
    UPSWARM_CHECK(tell(Bytes{bytes.size()}));
    while (!bytes.empty()) {
      if (!out_) UPSWARM_CHECK(start_file());
      if (!out_) return corrupt("it makes more than its tree holds");
      const auto count = std::min<std::uint64_t>(bytes.size(), left_.count);
      UPSWARM_CHECK(out_->write(bytes.first(count)));
      left_ -= Bytes{count};
      bytes = bytes.subspan(count);
      if (left_ == Bytes{}) UPSWARM_CHECK(finish_file());
    }
    return {};
  }

  /// Opens the next file that has content.
  Result<void> start_file() {
    UPSWARM_CHECK(start_empty_files());
    if (next_ == made_.size()) return {};
    return open_next();
  }

  Result<void> start_empty_files() {
    while (!out_ && next_ < made_.size() && told_.tree.entries[made_[next_]].size == Bytes{}) {
      UPSWARM_CHECK(open_next());
      UPSWARM_CHECK(finish_file());
    }
    return {};
  }

  Result<void> open_next() {
    const auto& entry = told_.tree.entries[made_[next_]];
    UPSWARM_TRY(auto out, FileOutput::create(work_.files, work_.to, entry));
    out_ = std::make_unique<FileOutput>(std::move(out));
    left_ = entry.size;
    return {};
  }

  Result<void> finish_file() {
    auto& entry = told_.tree.entries[made_[next_]];
    UPSWARM_TRY(entry.digest, out_->close());
    out_.reset();
    if (start_of(entry.digest) != told_.sources[made_[next_]].check)
      return corrupt("the file " + entry.path + " that it makes is not the one it describes");
    ++next_;
    return {};
  }

  Work work_;
  ToldTree told_;
  std::vector<std::size_t> made_;
  std::size_t next_ = 0;
  std::unique_ptr<FileOutput> out_;
  Bytes left_;
  Bytes done_;
  Bytes total_;
};

}  // namespace

DeltaReader::DeltaReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeltaReader::DeltaReader(DeltaReader&&) noexcept = default;
DeltaReader& DeltaReader::operator=(DeltaReader&&) noexcept = default;
DeltaReader::~DeltaReader() = default;

const DeltaInfo& DeltaReader::info() const { return state_->info; }

Result<ToldTree> DeltaReader::tree(const Tree& base_tree) const {
  if (content_digest(base_tree) != state_->info.from_content)
    return wrong_base("it starts from another release than this one");
  ByteReader in(state_->tree_bytes);
  UPSWARM_TRY(auto told, decode_tree_difference(in, base_tree));
  if (!in.is_at_end()) return corrupt("its tree is longer than it says");
  if (told.tree.total_size() != state_->info.unpacked) return corrupt("its tree has another size than it says");
  return told;
}

Bytes DeltaReader::State::streams_of(std::size_t group) const {
  auto at = streams;
  for (std::size_t i = 0; i < group; ++i) at += info.groups[i].packed_length();
  return at;
}

Result<std::vector<CopyOperation>> DeltaReader::copies(std::size_t group) const {
  return read_copies(*state_->file, state_->streams_of(group), state_->info.groups[group]);
}

StreamSource DeltaReader::stream(std::size_t group, Stream which) const {
  const auto& streams = state_->info.groups[group].streams;
  auto at = state_->streams_of(group);
  for (std::size_t i = 0; i < static_cast<std::size_t>(which); ++i) at += streams.at(i).length;
  return {*state_->file, at, streams.at(static_cast<std::size_t>(which)), which};
}

Result<DeltaReader> DeltaReader::open(std::unique_ptr<InputFile> file) {
  auto state = std::make_unique<State>();
  auto& info = state->info;
  UPSWARM_TRY(const auto file_info, file->info());
  UPSWARM_TRY(const auto header, read_header(*file, kDeltaHeader, kDeltaMagic, kDeltaVersion, kWhat));
  ByteReader in(std::string_view(header).substr(kCommonHeader));
  info.from_content = in.digest();
  info.to_content = in.digest();
  info.plan_length = Bytes{in.u64()};
  const Bytes size{in.u64()};
  if (size > kLongestPlan || info.plan_length > kLongestPlan ||
      info.plan_length > file_info.size - Bytes{kDeltaHeader}) {
    return corrupt("its plan has an impossible length");
  }
  UPSWARM_TRY(const auto packed, read_exactly(*file, Bytes{kDeltaHeader}, info.plan_length, kWhat));
  UPSWARM_TRY(const auto bytes, decompress(as_bytes(packed), size, "the plan of a delta"));
  ByteReader plan(bytes);
  UPSWARM_TRY(info.filters, read_filters(plan));
  info.unpacked = Bytes{plan.varint()};
  state->tree_bytes = std::string(plan.raw(plan.varint()));
  const auto groups = plan.varint();
  if (groups > kMostGroups) return corrupt("it has too many groups");
  state->streams = Bytes{kDeltaHeader} + info.plan_length;
  Bytes end = state->streams;
  auto parts_left = kMostParts;
  for (std::uint64_t i = 0; i < groups && plan.good(); ++i) {
    auto decoded = decode_group(plan, parts_left);
    if (!decoded) return corrupt("group " + std::to_string(i) + ": " + decoded.error().cause);
    auto& group = *decoded;
    for (const auto& region : group.layout.regions) {
      if (std::ranges::find(info.filters, filter_of(region.kind)) == info.filters.end())
        return corrupt("a group has regions, and no filter is named for them");
    }
    end += group.packed_length();
    info.made += group.new_length;
    info.groups.push_back(std::move(group));
  }
  if (!plan.is_at_end()) return corrupt("its plan is cut off, or longer than it says");
  if (end != file_info.size) return corrupt("its length is not what the plan says");
  state->file = std::move(file);
  return DeltaReader(std::move(state));
}

Result<Tree> DeltaReader::apply(Files& files, const Path& base, const Tree& base_tree, const Path& to,
                                const ProgressSink& progress, std::stop_token stop) {
  UPSWARM_TRY(auto told, tree(base_tree));
  UPSWARM_CHECK(make_skeleton(files, to, told.tree));
  Applier applier({files, base, base_tree, to, progress, stop}, std::move(told));
  UPSWARM_CHECK(applier.copy_files());
  auto streams = state_->streams;
  for (const auto& group : state_->info.groups) {
    UPSWARM_CHECK(applier.make_files(group, *state_->file, streams));
    streams += group.packed_length();
  }
  return applier.finish(state_->info.to_content);
}

}  // namespace upswarm::package
