#include "protocol/package/encode/patch_encoder.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/package/decode/difference_memory.hpp"
#include "protocol/package/encode/suffix_array.hpp"

namespace upswarm::package {
namespace {

/// A field that is predicted saves more than one that must be told costs.
constexpr std::int64_t kGainOfHit = 3;

std::string_view name_of_file(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// The image of the new space that `path` of the old one became, or nothing.
std::optional<std::size_t> counterpart(const EncodeSpace& old_space, std::size_t number, const EncodeSpace& new_space) {
  const auto& path = old_space.image_paths()[number];
  std::optional<std::size_t> by_name;
  for (std::size_t i = 0; i < new_space.images().size(); ++i) {
    const auto& other = new_space.image_paths()[i];
    if (other == path) return i;
    if (!by_name && name_of_file(other) == name_of_file(path)) by_name = i;
  }
  if (by_name) return by_name;
  if (old_space.images().size() == 1 && new_space.images().size() == 1) return 0;
  return std::nullopt;
}

std::vector<std::uint64_t> bases_of(const EncodeSpace& space, const Image& image) {
  std::vector<std::uint64_t> bases;
  for (const auto& region : space.regions()) {
    if (region.kind == RegionKind::offsets && region.begin >= image.begin() && region.end <= image.end())
      bases.push_back(region.base);
  }
  return bases;
}

/// The sections of `from` that `to` has as well, as anchors; no more than there is room for.
std::vector<Anchor> pair_sections(const std::vector<NamedSection>& from, const std::vector<NamedSection>& to,
                                  std::size_t& room) {
  std::vector<Anchor> anchors;
  for (const auto& section : from) {
    const auto other = std::ranges::find(to, section.name, &NamedSection::name);
    if (other == to.end() || room == 0) continue;
    anchors.push_back({section.index, section.symbol, section.offset, other->offset});
    --room;
  }
  return anchors;
}

void pair_bases(const EncodeSpace& old_space, const Image& from, const EncodeSpace& new_space, const Image& to,
                std::vector<Region>& regions) {
  const auto bases = bases_of(new_space, to);
  if (bases_of(old_space, from).size() != bases.size()) return;
  auto next = bases.begin();
  for (auto& region : regions) {
    if (region.kind == RegionKind::offsets && region.begin >= from.begin() && region.end <= from.end())
      region.new_base = *next++;
  }
}

/// Memory that no byte backs corresponds from its start on.
void pair_memory(const EncodeSpace& old_space, const Image& from, const EncodeSpace& new_space, const Image& to,
                 std::vector<CopyOperation>& hints) {
  std::vector<ImageSegment> mine;
  std::vector<ImageSegment> theirs;
  for (const auto& one : from.segments())
    if (one.offset >= old_space.size()) mine.push_back(one);
  for (const auto& one : to.segments())
    if (one.offset >= new_space.size()) theirs.push_back(one);
  for (std::size_t i = 0; i < mine.size() && i < theirs.size() && hints.size() < kMostImages; ++i)
    hints.push_back({mine[i].offset, theirs[i].offset, std::min(mine[i].size, theirs[i].size)});
}

Layout layout_of(const EncodeSpace& old_space, const EncodeSpace& new_space) {
  Layout layout;
  layout.old_images = old_space.images();
  layout.new_images = new_space.images();
  for (auto& image : layout.old_images) image.set_anchors({});  // until they are paired
  layout.regions.assign(old_space.regions().begin(), old_space.regions().end());
  auto room = kMostAnchors;
  for (std::size_t i = 0; i < old_space.images().size(); ++i) {
    const auto other = counterpart(old_space, i, new_space);
    if (!other) continue;
    const auto& from = old_space.images()[i];
    const auto& to = new_space.images()[*other];
    layout.old_images[i].set_anchors(
        pair_sections(old_space.image_sections()[i], new_space.image_sections()[*other], room));
    pair_bases(old_space, from, new_space, to, layout.regions);
    pair_memory(old_space, from, new_space, to, layout.hints);
  }
  layout.old_end = static_cast<SpaceOffset>(old_space.size());
  for (const auto& image : layout.old_images) {
    for (const auto& segment : image.segments())
      layout.old_end = std::max(layout.old_end, segment.offset + segment.size);
  }
  return layout;
}

class PatchEncoder {
 public:
  PatchEncoder(const EncodeSpace& old_space, const EncodeSpace& new_space, const std::vector<CopyOperation>& copies,
               bool has_memory)
      : old_(old_space),
        new_(new_space),
        copies_(copies),
        layout_(layout_of(old_space, new_space)),
        gains_(layout_.regions.size()),
        memory_(has_memory ? std::make_unique<DifferenceMemory>() : nullptr) {}

  EncodedPatch run() {
    std::uint64_t copied = 0;
    for (const auto& copy : copies_) copied += copy.length;
    streams_.at(static_cast<std::size_t>(Stream::extra)).reserve(new_.size() - copied);
    ReferenceCoder coder(layout_, copies_);
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    for (const auto& copy : copies_) {
      stream(Stream::extra_lengths).varint(copy.to - to);
      stream(Stream::copy_lengths).varint(copy.length);
      stream(Stream::seeks).zigzag(static_cast<std::int64_t>(copy.from - from));
      add_extra(to, copy.to - to);
      for (std::uint32_t done = 0; done < copy.length; done += kSlice) add_slice(coder, copy, done);
      from = std::uint64_t{copy.from} + copy.length;
      to = std::uint64_t{copy.to} + copy.length;
    }
    add_extra(to, new_.size() - to);
    auto useless = useless_regions();
    return {std::move(layout_), copies_.size(), std::move(streams_), std::move(useless)};
  }

 private:
  /// Code of the old space that is better not taken for code, and of the images of the new space that it became.
  UselessCode useless_regions() const {
    UselessCode useless;
    for (std::size_t i = 0; i < gains_.size(); ++i) {
      const auto& region = layout_.regions[i];
      if (gains_[i] >= 0 || region.kind != RegionKind::x86_64_code) continue;
      useless.old_regions.push_back(region);
      const auto* const image = image_at(old_.images(), region.begin);
      const auto other = counterpart(old_, static_cast<std::size_t>(image - old_.images().data()), new_);
      if (!other) continue;
      for (const auto& one : new_.regions()) {
        if (one.kind == region.kind && image_at(new_.images(), one.begin) == &new_.images()[*other])
          useless.new_regions.push_back(one);
      }
    }
    return useless;
  }

  ByteWriter stream(Stream which) { return ByteWriter(streams_.at(static_cast<std::size_t>(which))); }

  void add_extra(std::uint64_t at, std::uint64_t length) {
    stream(Stream::extra).raw(as_text(new_.bytes().subspan(at, length)));
  }

  void add_slice(ReferenceCoder& coder, const CopyOperation& copy, std::uint32_t done) {
    const auto count = std::min<std::size_t>(kSlice, copy.length - done);
    const auto old_bytes = old_.bytes().subspan(copy.from + done, count);
    const auto new_bytes = new_.bytes().subspan(copy.to + done, count);
    made_.assign(old_bytes.begin(), old_bytes.end());
    mask_.clear(count);
    coder.visit(copy, done, old_bytes,
                [&](std::size_t width, std::size_t at, std::uint64_t raw, std::uint64_t predicted) {
                  const auto actual = load_field(width, new_bytes.data() + at);
                  weigh(copy.from + done + static_cast<SpaceOffset>(at), actual, raw, predicted);
                  tell(actual, raw, predicted);
                  store_field(width, made_.data() + at, actual);
                  mask_.take(at, width);
                  return actual;
                });
    if (memory_) return tell_what_memory_does_not(new_bytes);
    std::size_t i = 0;
    while (true) {
      const auto equal = equal_length(made_.data() + i, new_bytes.data() + i, count - i);
      gap_ += equal;
      i += equal;
      if (i == count) break;
      tell_difference(new_bytes, i);
      i += std::min(kDifferenceWidth, count - i);
    }
  }

  /// What Differences::add_to of the applier reads.
  void tell_what_memory_does_not(ByteView new_bytes) {
    for (std::size_t i = 0; i < new_bytes.size();) {
      const bool is_field = mask_.has_field(i);
      const auto old = is_field ? static_cast<std::uint32_t>(load32(made_.data() + i)) : 0;
      const auto predicted = is_field ? memory_->predict(old) : 0;
      const bool is_so = predicted == 0 ? made_[i] == new_bytes[i]
                                        : static_cast<std::uint32_t>(load32(new_bytes.data() + i)) == old + predicted;
      const auto told = is_so ? predicted : tell_difference(new_bytes, i);
      if (is_field) memory_->learn(old, told);
      const std::size_t width = is_so && predicted == 0 ? 1 : std::min(kDifferenceWidth, new_bytes.size() - i);
      if (is_so) gap_ += width;
      i += width;
    }
  }

  std::uint32_t tell_difference(ByteView new_bytes, std::size_t at) {
    const auto width = std::min(kDifferenceWidth, new_bytes.size() - at);
    stream(Stream::gaps).varint(std::exchange(gap_, 0));
    const auto difference = number(new_bytes.subspan(at, width)) - number(ByteView(made_).subspan(at, width));
    for (std::size_t byte = 0; byte < width; ++byte)
      stream(Stream::differences).u8(static_cast<std::uint8_t>(difference >> (8 * byte)));
    return difference;
  }

  static std::uint32_t number(ByteView bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
    return value;
  }

  void tell(std::uint64_t actual, std::uint64_t raw, std::uint64_t predicted) {
    if (actual == predicted) {
      ++hits_;
      return;
    }
    stream(Stream::tokens).varint(hits_ << 1U | (actual == raw ? 0U : 1U));
    hits_ = 0;
    if (actual == raw) return;
    stream(Stream::references).zigzag(static_cast<std::int64_t>(actual - predicted));
  }

  /// Whether telling references of a region was better than not to: what was predicted though it changed, against what
  /// was told.
  void weigh(SpaceOffset place, std::uint64_t actual, std::uint64_t raw, std::uint64_t predicted) {
    if (predicted == raw) return;
    const auto region = std::upper_bound(layout_.regions.begin(), layout_.regions.end(), place,
                                         [](SpaceOffset one, const Region& other) { return one < other.end; });
    auto& gain = gains_.at(static_cast<std::size_t>(region - layout_.regions.begin()));
    gain += actual == predicted ? kGainOfHit : -1;
  }

  const EncodeSpace& old_;
  const EncodeSpace& new_;
  const std::vector<CopyOperation>& copies_;
  Layout layout_;
  std::vector<std::int64_t> gains_;  ///< of each region
  std::array<std::string, kStreams> streams_;
  std::unique_ptr<DifferenceMemory> memory_;
  ByteBuffer made_;
  ReferenceMask mask_;
  std::uint64_t gap_ = 0;
  std::uint64_t hits_ = 0;
};

}  // namespace

EncodedPatch encode_patch(const EncodeSpace& old_space, const EncodeSpace& new_space,
                          const std::vector<CopyOperation>& copies, bool has_memory) {
  return PatchEncoder(old_space, new_space, copies, has_memory).run();
}

}  // namespace upswarm::package
