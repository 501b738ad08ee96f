#include "protocol/package/decode/patch_group.hpp"

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/opened_files.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint8_t kCopied = 0;
constexpr std::uint8_t kPrefixed = 1;
constexpr std::uint8_t kCopiedWithMemory = 2;

Error corrupt(std::string why) { return corrupt_package("a delta", std::move(why)); }

void encode_image(const Image& image, SpaceOffset before, ByteWriter& out) {
  out.varint(image.begin() - before);
  out.varint(image.end() - image.begin());
  out.varint(image.segments().size());
  SpaceOffset offset = image.begin();
  std::uint64_t address = 0;
  for (const auto& segment : image.segments()) {
    out.varint(segment.offset - offset);
    out.varint(segment.size);
    out.zigzag(static_cast<std::int64_t>(segment.address - address));
    offset = segment.offset + segment.size;
    address = segment.address + segment.size;
  }
}

void encode_anchors(const Image& image, ByteWriter& out) {
  out.varint(image.anchors().size());
  Anchor before;
  for (const auto& anchor : image.anchors()) {
    out.varint(anchor.section - before.section);
    out.zigzag(std::int64_t{anchor.symbol} - before.symbol);
    out.zigzag(static_cast<std::int64_t>(anchor.base - before.base));
    out.zigzag(static_cast<std::int64_t>(anchor.new_base - anchor.base - (before.new_base - before.base)));
    before = anchor;
  }
}

void encode_images(const std::vector<Image>& images, ByteWriter& out) {
  out.varint(images.size());
  SpaceOffset before = 0;
  for (const auto& image : images) {
    encode_image(image, before, out);
    before = image.end();
  }
}

/// Sums that must stay below the end of the largest space.
class Place {
 public:
  explicit Place(std::uint64_t start) : at_(start) {}
  /// Errors: corrupt.
  Result<SpaceOffset> advance(std::uint64_t by) {
    if (by > kLargestSpace.count || at_ + by > kLargestSpace.count) return corrupt("a place lies beyond its space");
    at_ += by;
    return static_cast<SpaceOffset>(at_);
  }

 private:
  std::uint64_t at_;
};

/// Counts before anything is made of what it counts.
Result<std::uint64_t> take_parts(std::uint64_t count, std::uint64_t most, const char* many, std::size_t& parts_left) {
  if (count > most) return corrupt(many);
  if (count > parts_left) return corrupt("its groups have too many parts");
  parts_left -= count;
  return count;
}

Result<void> check_addresses(std::vector<ImageSegment> segments) {
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto next = i + 1 < segments.size() ? segments[i + 1].address : ~std::uint64_t{0};
    if (next - segments[i].address < segments[i].size) return corrupt("segments of an image overlap");
  }
  return {};
}

Result<Image> decode_image(ByteReader& in, SpaceOffset before, Bytes bytes, std::size_t& parts_left) {
  Place place(before);
  UPSWARM_TRY(const auto begin, place.advance(in.varint()));
  UPSWARM_TRY(const auto end, place.advance(in.varint()));
  if (end > bytes.count) return corrupt("an image lies outside of its space");
  UPSWARM_TRY(const auto count, take_parts(in.varint(), kMostSegments, "an image has too many segments", parts_left));
  std::vector<ImageSegment> segments;
  Place at(begin);
  std::uint64_t address = 0;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    ImageSegment segment;
    UPSWARM_TRY(segment.offset, at.advance(in.varint()));
    UPSWARM_TRY(const auto after, at.advance(in.varint()));
    segment.size = after - segment.offset;
    segment.address = address + static_cast<std::uint64_t>(in.zigzag());
    address = segment.address + segment.size;
    const bool is_backed = after <= end;
    if (!is_backed && segment.offset < bytes.count) return corrupt("a segment lies in another file");
    segments.push_back(segment);
  }
  UPSWARM_CHECK(check_addresses(segments));
  return Image(begin, end, std::move(segments));
}

Result<std::vector<Image>> decode_images(ByteReader& in, Bytes bytes, std::size_t& parts_left) {
  UPSWARM_TRY(const auto count, take_parts(in.varint(), kMostImages, "it has too many images", parts_left));
  UPSWARM_CHECK(take_parts(count, kMostImages, "", parts_left));  // an image is as large as two other parts
  std::vector<Image> images;
  SpaceOffset before = 0;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    UPSWARM_TRY(auto image, decode_image(in, before, bytes, parts_left));
    before = image.end();
    images.push_back(std::move(image));
  }
  return images;
}

/// `left` of the group may come yet.
Result<void> decode_anchors(ByteReader& in, Image& image, std::uint64_t& left, std::size_t& parts_left) {
  UPSWARM_TRY(const auto count, take_parts(in.varint(), left, "it has too many anchors", parts_left));
  left -= count;
  std::vector<Anchor> anchors;
  Anchor before;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    Anchor anchor;
    const auto section = before.section + in.varint();
    const auto symbol = before.symbol + static_cast<std::uint64_t>(in.zigzag());
    if (section > ~std::uint32_t{0} || symbol > ~std::uint32_t{0} || (i > 0 && section <= before.section))
      return corrupt("an anchor is impossible");
    anchor.section = static_cast<std::uint32_t>(section);
    anchor.symbol = static_cast<std::uint32_t>(symbol);
    anchor.base = before.base + static_cast<std::uint64_t>(in.zigzag());
    anchor.new_base = anchor.base + before.new_base - before.base + static_cast<std::uint64_t>(in.zigzag());
    anchors.push_back(anchor);
    before = anchor;
  }
  image.set_anchors(std::move(anchors));
  return {};
}

void encode_regions(const std::vector<Region>& regions, ByteWriter& out) {
  out.varint(regions.size());
  SpaceOffset before = 0;
  for (const auto& region : regions) {
    out.u8(static_cast<std::uint8_t>(region.kind));
    out.varint(region.begin - before);
    out.varint(region.end - region.begin);
    before = region.end;
    if (has_base(region.kind) || has_anchors(region.kind)) out.varint(region.base);
    if (!has_base(region.kind)) continue;
    out.zigzag(static_cast<std::int64_t>(region.new_base - region.base));
  }
}

Result<std::vector<Region>> decode_regions(ByteReader& in, const std::vector<Image>& images, std::size_t& parts_left) {
  UPSWARM_TRY(const auto count, take_parts(in.varint(), kMostRegions, "it has too many regions", parts_left));
  std::vector<Region> regions;
  Place place(0);
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    Region region;
    const auto kind = in.u8();
    if (kind < 1 || kind > kLastRegionKind) return corrupt("region kind " + std::to_string(kind) + " is not known");
    region.kind = static_cast<RegionKind>(kind);
    UPSWARM_TRY(region.begin, place.advance(in.varint()));
    UPSWARM_TRY(region.end, place.advance(in.varint()));
    if (has_base(region.kind) || has_anchors(region.kind)) region.base = in.varint();
    if (has_base(region.kind)) {
      region.new_base = region.base + static_cast<std::uint64_t>(in.zigzag());
    }
    const auto* const image = image_at(images, region.begin);
    if (image == nullptr || region.end > image->end()) return corrupt("a region lies outside of every image");
    regions.push_back(region);
  }
  return regions;
}

/// The end of all that `images` name, bytes and memory.
SpaceOffset end_of(const std::vector<Image>& images, Bytes bytes) {
  auto end = static_cast<SpaceOffset>(bytes.count);
  for (const auto& image : images) {
    for (const auto& segment : image.segments()) end = std::max(end, segment.offset + segment.size);
  }
  return end;
}

void encode_hints(const std::vector<CopyOperation>& hints, ByteWriter& out) {
  out.varint(hints.size());
  for (const auto& hint : hints) {
    out.varint(hint.from);
    out.varint(hint.to);
    out.varint(hint.length);
  }
}

Result<std::vector<CopyOperation>> decode_hints(ByteReader& in, SpaceOffset old_end, SpaceOffset new_end,
                                                std::size_t& parts_left) {
  UPSWARM_TRY(const auto count, take_parts(in.varint(), kMostImages, "it has too many hints", parts_left));
  std::vector<CopyOperation> hints;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    const auto from = in.varint();
    const auto to = in.varint();
    const auto length = in.varint();
    if (from > old_end || length > old_end - from || to > new_end || length > new_end - to)
      return corrupt("a hint lies outside of its space");
    hints.push_back({static_cast<SpaceOffset>(from), static_cast<SpaceOffset>(to), static_cast<std::uint32_t>(length)});
  }
  return hints;
}

Result<std::vector<OldRun>> decode_runs(ByteReader& in, std::size_t& parts_left) {
  UPSWARM_TRY(const auto count, take_parts(in.varint(), kMostParts, "it starts from too many files", parts_left));
  std::vector<OldRun> runs;
  std::uint64_t entry = 0;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    const auto distance = in.varint();
    const auto files = in.varint();
    if (distance >= kMostTreeEntries - entry || files > kMostTreeEntries)
      return corrupt("it starts from impossible files");
    entry += distance;
    OldRun run{static_cast<std::uint32_t>(entry), static_cast<std::uint32_t>(files), {}, {}};
    if (files == 0) {
      run.begin = Bytes{in.varint()};
      run.length = Bytes{in.varint()};
      if (in.good() && run.length == Bytes{}) return corrupt("it starts from an empty part of a file");
    }
    runs.push_back(run);
  }
  return runs;
}

}  // namespace

const char* name_of(Stream stream) {
  switch (stream) {
    case Stream::extra_lengths: return "extra_lengths";
    case Stream::copy_lengths: return "copy_lengths";
    case Stream::seeks: return "seeks";
    case Stream::tokens: return "tokens";
    case Stream::references: return "references";
    case Stream::gaps: return "gaps";
    case Stream::differences: return "differences";
    case Stream::extra: return "extra";
  }
  return "?";
}

Bytes PatchGroup::packed_length() const {
  Bytes sum;
  for (const auto& stream : streams) sum += stream.length;
  return sum;
}

std::size_t PatchGroup::parts() const {
  auto sum = old_runs.size() + layout.regions.size() + layout.hints.size();
  for (const auto* images : {&layout.old_images, &layout.new_images}) {
    for (const auto& image : *images) sum += 2 + image.segments().size() + image.anchors().size();
  }
  return sum;
}

void encode_group(const PatchGroup& group, ByteWriter& out) {
  out.u8(group.is_prefixed ? kPrefixed : group.has_memory ? kCopiedWithMemory : kCopied);
  out.varint(group.old_runs.size());
  std::uint32_t before = 0;
  for (const auto& run : group.old_runs) {
    out.varint(run.entry - before);
    out.varint(run.count);
    if (run.count == 0) {
      out.varint(run.begin.count);
      out.varint(run.length.count);
    }
    before = run.entry;
  }
  out.varint(group.old_length.count);
  out.varint(group.new_length.count);
  if (group.is_prefixed) return out.varint(group.streams.back().length.count);
  encode_images(group.layout.old_images, out);
  for (const auto& image : group.layout.old_images) encode_anchors(image, out);
  encode_images(group.layout.new_images, out);
  encode_regions(group.layout.regions, out);
  encode_hints(group.layout.hints, out);
  out.varint(group.copies);
  for (const auto& stream : group.streams) {
    out.varint(stream.size.count << 1U | (stream.is_compressed ? 1U : 0U));
    if (stream.is_compressed) out.varint(stream.length.count);
  }
}

Result<PatchGroup> decode_group(ByteReader& in, std::size_t& parts_left) {
  PatchGroup group;
  const auto method = in.u8();
  if (method > kCopiedWithMemory) return corrupt("a group is made in a way that is not known");
  group.is_prefixed = method == kPrefixed;
  group.has_memory = method == kCopiedWithMemory;
  UPSWARM_TRY(group.old_runs, decode_runs(in, parts_left));
  group.old_length = Bytes{in.varint()};
  group.new_length = Bytes{in.varint()};
  if (group.is_prefixed) {
    group.streams.back() = {group.new_length, Bytes{in.varint()}, true};
    if (group.old_length > kLargestPrefix || group.new_length > kLargestPrefixed ||
        group.packed_length() > kLargestPrefixed + 1_MiB) {
      return corrupt("a group with a prefix is too large");
    }
    if (!in.good()) return corrupt("a group is cut off");
    return group;
  }
  if (group.new_length > kLargestSpace || group.old_length > kLargestSpace) return corrupt("a group makes too much");
  const auto old_length = group.old_length;
  UPSWARM_TRY(group.layout.old_images, decode_images(in, old_length, parts_left));
  std::uint64_t anchors_left = kMostAnchors;
  for (auto& image : group.layout.old_images) UPSWARM_CHECK(decode_anchors(in, image, anchors_left, parts_left));
  UPSWARM_TRY(group.layout.new_images, decode_images(in, group.new_length, parts_left));
  UPSWARM_TRY(group.layout.regions, decode_regions(in, group.layout.old_images, parts_left));
  group.layout.old_end = end_of(group.layout.old_images, old_length);
  const auto new_end = end_of(group.layout.new_images, group.new_length);
  UPSWARM_TRY(group.layout.hints, decode_hints(in, group.layout.old_end, new_end, parts_left));
  group.copies = in.varint();
  if (group.copies > kMostCopies) return corrupt("a group has too many copies");
  for (auto& stream : group.streams) {
    const auto size = in.varint();
    stream.is_compressed = (size & 1U) != 0;
    stream.size = Bytes{size >> 1U};
    stream.length = stream.is_compressed ? Bytes{in.varint()} : stream.size;
    if (stream.size.count > 8 * kLargestSpace.count || stream.length > kLargestSpace)
      return corrupt("a stream is too long");
  }
  if (!in.good()) return corrupt("a group is cut off");
  return group;
}

Result<std::vector<OldPiece>> find_old_pieces(const PatchGroup& group, const Tree& base, const OpenedFiles& opened) {
  const auto size_of = [&](std::uint32_t entry) {
    const auto* const file = opened.find_old(entry);
    return file != nullptr ? file->size : base.entries[entry].size;
  };
  const auto missing = [] { return corrupt("it starts from what the base does not have"); };
  const auto twice = [] { return corrupt("it starts from a file of the base twice"); };
  std::vector<OldPiece> pieces;
  Bytes length;
  const auto add = [&](std::uint32_t entry, Bytes begin, Bytes size) {
    pieces.push_back({entry, begin, size});
    length += size;
    return length <= group.old_length;
  };
  for (const auto& run : group.old_runs) {
    if (!pieces.empty() && run.entry <= pieces.back().entry) return twice();
    if (run.count == 0) {
      const auto* const entry = run.entry < base.entries.size() ? &base.entries[run.entry] : nullptr;
      if (entry == nullptr || !has_content(*entry)) return missing();
      const auto size = size_of(run.entry);
      if (run.begin > size || run.length > size - run.begin || !add(run.entry, run.begin, run.length)) {
        return missing();
      }
      continue;
    }
    auto left = run.count;
    for (auto i = run.entry; left > 0; ++i) {
      if (i >= base.entries.size()) return missing();
      if (!has_content(base.entries[i])) continue;
      if (!add(i, {}, size_of(i))) return missing();
      --left;
    }
  }
  return length == group.old_length ? Result(std::move(pieces)) : missing();
}

}  // namespace upswarm::package
