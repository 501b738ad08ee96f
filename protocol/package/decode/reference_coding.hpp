// Predicting the references of a copied block from where their targets went: the same in maker and applier of a delta.
#pragma once

#include <algorithm>
#include <optional>

#include "protocol/package/decode/address_map.hpp"
#include "protocol/package/decode/reference_scan.hpp"

namespace upswarm::package {

inline constexpr std::size_t kDifferenceWidth = 4;  ///< bytes that one difference covers
inline constexpr std::size_t kSlice = 64 * 1024;    ///< copies are worked on in parts of so many bytes

/// What is known of both spaces of a group.
struct Layout {
  std::vector<Image> old_images;
  std::vector<Image> new_images;
  std::vector<Region> regions;       ///< in the old space, by place; each inside of one image
  std::vector<CopyOperation> hints;  ///< places without bytes (.bss) that correspond
  SpaceOffset old_end = 0;           ///< beyond what any segment holds
};

/// The value as load_field would give it back.
inline std::uint64_t narrowed(std::size_t width, std::uint64_t value) {
  if (width == 8) return value;
  const auto low = static_cast<std::uint32_t>(value);
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(low)});
}

/// Not for use by two threads at once.
class ReferenceCoder {
 public:
  /// `layout` must outlive it.
  ReferenceCoder(const Layout& layout, const std::vector<CopyOperation>& copies)
      : layout_(layout), map_(copies, layout.hints, layout.old_end) {}

  /// Whether visit() may find any in old bytes from `from` on.
  bool may_refer(SpaceOffset from, std::size_t length) const {
    const auto region = region_from(from);
    return region != layout_.regions.end() && region->begin < from + length;
  }

  /// Visits the references in `old_bytes`, a part of `copy` that starts `done` bytes into it (kScanSlack bytes after it
  /// are readable). `decide(width, at, raw, predicted)` gives the value that the field has in the new space.
  template <typename Decide>
  void visit(const CopyOperation& copy, std::uint32_t done, ByteView old_bytes, Decide decide) {
    const auto from = copy.from + done;
    const auto end = from + static_cast<SpaceOffset>(old_bytes.size());
    auto region = region_from(from);
    if (region == layout_.regions.end() || region->begin >= end) return;
    const auto* const new_image = image_at(layout_.new_images, copy.to);
    if (new_image == nullptr) return;
    for (; region != layout_.regions.end() && region->begin < end; ++region) {
      const auto first = std::max(region->begin, from);
      const auto* const old_image = image_at(layout_.old_images, first);
      if (old_image == nullptr) continue;
      const auto part = old_bytes.subspan(first - from, std::min(region->end, end) - first);
      for_each_reference(*old_image, *region, part, first, [&](const Reference& reference) {
        code(copy, *new_image, *region, first, part, reference, first - from, decide);
      });
    }
  }

 private:
  /// The first region that ends behind `from`.
  std::vector<Region>::const_iterator region_from(SpaceOffset from) const {
    return std::upper_bound(layout_.regions.begin(), layout_.regions.end(), from,
                            [](SpaceOffset place, const Region& one) { return place < one.end; });
  }

  template <typename Decide>
  void code(const CopyOperation& copy, const Image& new_image, const Region& region, SpaceOffset first, ByteView part,
            const Reference& reference, std::size_t shift, Decide decide) {
    const auto raw = load_field(reference.width, part.data() + reference.at);
    const auto place = first + static_cast<SpaceOffset>(reference.at) - copy.from + copy.to;
    const auto origin = new_origin(new_image, region, reference, first, place);
    if (!origin) return;
    auto predicted = raw;
    const auto target = map_.map(reference.target, copy);
    if (const auto* const segment = target == kNowhere ? nullptr : new_image.segment_at(target); segment != nullptr) {
      const auto distance = segment->address + (target - segment->offset) - *origin;
      const auto counted = static_cast<std::uint64_t>(static_cast<std::int64_t>(distance) / reference.scale);
      predicted = narrowed(reference.width, reference.is_back ? 0 - counted : counted);
    }
    const std::uint64_t actual = decide(std::size_t{reference.width}, shift + reference.at, raw, predicted);
    if (actual == predicted) return;
    const auto distance = actual * reference.scale;
    const auto where = new_image.offset_of(reference.is_back ? *origin - distance : *origin + distance);
    if (where != kNowhere) map_.learn(reference.target, where);
  }

  /// What the field at `place` of the new space is relative to.
  std::optional<std::uint64_t> new_origin(const Image& image, const Region& region, const Reference& reference,
                                          SpaceOffset first, SpaceOffset place) const {
    if (region.kind == RegionKind::pointers) return 0;
    if (region.kind == RegionKind::offsets || has_anchors(region.kind)) return reference.new_origin;
    const auto* const segment = image.segment_at(place);
    if (segment == nullptr) return std::nullopt;
    const auto address = segment->address + (place - segment->offset);
    if (region.kind == RegionKind::unwinding) return address;
    if (region.kind == RegionKind::table) return address - (first + reference.at - region.begin);
    return address + 4 + reference.trailing;
  }

  const Layout& layout_;
  AddressMap map_;
};

}  // namespace upswarm::package
