#include "protocol/package/decode/delta_reader.hpp"

#include <algorithm>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/delta_applier.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/zstd_stream.hpp"

namespace upswarm::package {
namespace {

constexpr const char* kWhat = "a delta";
constexpr Bytes kLongestPlan = 512_MiB;
constexpr std::size_t kMostFilters = 16;
constexpr std::size_t kLongestFilterName = 64;

Error corrupt(std::string why) { return corrupt_package(kWhat, std::move(why)); }
Error wrong_base(std::string why) { return {ErrorKind::corrupt, "apply a delta", std::move(why), "wrong_base"}; }

/// What it is packed in is gone when it returns.
Result<std::string> read_plan(InputFile& file, Bytes length, Bytes size) {
  UPSWARM_TRY(const auto packed, read_exactly(file, Bytes{kDeltaHeader}, length, kWhat));
  return decompress(as_bytes(packed), size, "the plan of a delta");
}

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

}  // namespace

struct DeltaReader::State {
  std::unique_ptr<InputFile> file;
  DeltaInfo info;
  std::string plan;             ///< kept whole: a second copy of its largest part could take 512 MiB
  std::string_view tree_bytes;  ///< in it: the difference of trees
  Bytes streams;                ///< where they begin

  Bytes streams_of(std::size_t group) const;
};

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
  UPSWARM_CHECK(check_opened(state_->info.opened, base_tree, told));
  return told;
}

Result<std::vector<MadeFile>> DeltaReader::made_files() const {
  ByteReader in(state_->tree_bytes);
  return decode_made_files(in);
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
  UPSWARM_TRY(state->plan, read_plan(*file, info.plan_length, size));
  ByteReader plan(state->plan);
  UPSWARM_TRY(info.filters, read_filters(plan));
  info.unpacked = Bytes{plan.varint()};
  state->tree_bytes = plan.raw(plan.varint());
  auto parts_left = kMostParts;
  if (std::ranges::find(info.filters, kDeflateFilter) != info.filters.end()) {
    UPSWARM_TRY(info.opened, decode_opened(plan, parts_left));
  }
  const auto groups = plan.varint();
  if (groups > kMostGroups) return corrupt("it has too many groups");
  state->streams = Bytes{kDeltaHeader} + info.plan_length;
  Bytes end = state->streams;
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
                                const ProgressSink& progress, std::stop_token stop, const OutputOptions& options) {
  UPSWARM_TRY(auto told, tree(base_tree));
  DeltaApplier applier({files, *state_->file, state_->info.groups, state_->info.opened, state_->streams, base,
                        base_tree, to, progress, stop},
                       std::move(told));
  return applier.run(state_->info.to_content, options);
}

}  // namespace upswarm::package
