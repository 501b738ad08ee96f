// Finding the fields of an executable that hold the place of something else, without disassembling it.
//
// The scan looks at bytes alone and is the same in the program that makes a delta and in the one that applies it. It
// may take a number for a reference; that costs a few bits of the delta, never its correctness.
#pragma once

#include <array>

#include "protocol/base/units.hpp"
#include "protocol/package/decode/space.hpp"

namespace upswarm::package {

/// A field of 4 or 8 bytes, little-endian.
struct Reference {
  std::size_t at = 0;            ///< in the bytes that were scanned
  std::uint8_t width = 4;        ///< fields of 4 bytes are signed
  std::uint8_t scale = 1;        ///< bytes that one of the value counts
  bool is_back = false;          ///< origin - value = the address meant
  std::uint32_t trailing = 0;    ///< bytes between the field's end and what it is relative to
  std::uint64_t origin = 0;      ///< value * scale + origin = the address meant
  std::uint64_t new_origin = 0;  ///< the same in the new image, where a region or an anchor says it
  SpaceOffset target = 0;        ///< in the image's space
};

inline std::uint64_t load32(const std::byte* from) {
  return std::to_integer<std::uint64_t>(from[0]) | std::to_integer<std::uint64_t>(from[1]) << 8U |
         std::to_integer<std::uint64_t>(from[2]) << 16U | std::to_integer<std::uint64_t>(from[3]) << 24U;
}
inline std::uint64_t load32_signed(const std::byte* from) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(load32(from)))});
}
inline std::uint64_t load64(const std::byte* from) { return load32(from) | load32(from + 4) << 32U; }

/// Fields of 32 bits are sign-extended.
inline std::uint64_t load_field(std::size_t width, const std::byte* from) {
  return width == 8 ? load64(from) : load32_signed(from);
}

void store_field(std::size_t width, std::byte* to, std::uint64_t value);

/// Where an x86-64 instruction that starts at `bytes` (with its opcode, prefixes are behind us) has a field relative to
/// the instruction pointer.
struct CodeField {
  std::uint8_t skip = 0;      ///< bytes from the opcode to the field; 0 when there is none
  std::uint8_t trailing = 0;  ///< bytes of the instruction after the field
};

/// Reads up to kScanSlack bytes from `bytes` on. Only those before the field that it finds matter.
CodeField code_field(const std::byte* bytes);
inline constexpr std::size_t kScanSlack = 8;

/// The first byte of an instruction that may have such a field.
extern const std::array<bool, 256> kMayHaveField;

inline constexpr std::size_t kObjectRecord = 24;  ///< Elf64_Rela and Elf64_Sym

/// What a field of such a record means; its place is in the record.
struct RecordField {
  std::size_t at = 0;
  std::size_t needed = 0;  ///< of the record, the first byte without which the field is not known
  std::uint8_t width = 0;
};
inline constexpr std::array<RecordField, 3> kRelocationFields{{{0, 0, 8}, {12, 12, 4}, {16, 8, 8}}};
inline constexpr std::array<RecordField, 2> kSymbolFields{{{0, 0, 4}, {8, 4, 8}}};

/// The anchor that the field at `field.at` of a record, which stands at `bytes`, counts from, or nullptr. `own` is that
/// of the region's section. Bytes before the field are read, back to the one at `field.needed`.
const Anchor* relocation_anchor(const Image& image, const Anchor* own, const RecordField& field, const std::byte* bytes,
                                Reference& to);
const Anchor* symbol_anchor(const Image& image, const Anchor* own, const RecordField& field, const std::byte* bytes,
                            Reference& to);

/// for_each_reference of the records of relocatable objects.
template <typename Fields, typename AnchorOf, typename Visit>
void for_each_in_records(const Image& image, const Region& region, ByteView bytes, SpaceOffset offset,
                         const Fields& fields, AnchorOf anchor_of, Visit visit) {
  const auto* const own = image.anchor_of_section(region.base);
  const std::size_t skipped = (offset - region.begin) % kObjectRecord;  // of the first record
  for (std::size_t record = 0; record < bytes.size() + skipped; record += kObjectRecord) {
    for (const auto& field : fields) {
      if (record + field.needed < skipped || record + field.at + field.width > bytes.size() + skipped) continue;
      Reference reference;
      reference.at = record + field.at - skipped;
      reference.width = field.width;
      const auto* const place = bytes.data() + reference.at;
      const auto* const anchor = anchor_of(image, own, field, place, reference);
      if (anchor == nullptr) continue;
      reference.origin = anchor->base + reference.trailing;
      reference.new_origin = anchor->new_base + reference.trailing;
      const auto value = load_field(field.width, place);
      reference.target = image.offset_of(reference.origin + value * reference.scale);
      if (reference.target != kNowhere) visit(reference);
    }
  }
}

/// Calls `visit(Reference)` for each reference in `bytes`, which lie at `offset` of the image's space, wholly inside
/// `region`. Neither bytes before them nor after them matter, but kScanSlack bytes after them must be readable.
template <typename Visit>
void for_each_reference(const Image& image, const Region& region, ByteView bytes, SpaceOffset offset, Visit visit) {
  if (region.kind == RegionKind::relocations)
    return for_each_in_records(image, region, bytes, offset, kRelocationFields, relocation_anchor, visit);
  if (region.kind == RegionKind::symbols)
    return for_each_in_records(image, region, bytes, offset, kSymbolFields, symbol_anchor, visit);
  const std::uint8_t width = region.kind == RegionKind::pointers ? 8 : 4;
  if (region.kind == RegionKind::x86_64_code) {
    const ImageSegment* segment = image.segment_at(offset);
    if (segment == nullptr) return;
    const std::uint64_t address = segment->address + (offset - segment->offset);
    for (std::size_t i = 0; i + 5 <= bytes.size();) {
      if (!kMayHaveField[std::to_integer<std::size_t>(bytes[i])]) {
        ++i;
        continue;
      }
      const auto field = code_field(bytes.data() + i);
      if (field.skip == 0) {
        ++i;
        continue;
      }
      const auto at = i + field.skip;
      if (at + 4 > bytes.size()) {
        ++i;
        continue;
      }
      const auto origin = address + at + 4 + field.trailing;
      const auto target = image.offset_of(origin + load32_signed(bytes.data() + at));
      if (target == kNowhere) {
        ++i;
        continue;
      }
      visit(Reference{.at = at, .trailing = field.trailing, .origin = origin, .target = target});
      i = at + 4;
    }
    return;
  }
  const ImageSegment* segment = image.segment_at(offset);
  if (segment == nullptr) return;
  const std::uint64_t address = segment->address + (offset - segment->offset);
  const std::uint64_t begin = address - (offset - region.begin);
  const auto phase = (offset - region.begin) % width;
  for (std::size_t at = phase == 0 ? 0 : width - phase; at + width <= bytes.size(); at += width) {
    const auto value = load_field(width, bytes.data() + at);
    if (value == 0) continue;
    Reference reference{.at = at, .width = width, .new_origin = region.new_base};
    switch (region.kind) {
      case RegionKind::offsets: reference.origin = region.base; break;
      case RegionKind::table: reference.origin = begin; break;
      case RegionKind::unwinding:
        reference.origin = address + at;
        reference.is_back = reference.origin + value - region.base >= region.new_base - region.base &&
                            reference.origin - value - begin < at + (offset - region.begin);
        break;
      default: break;
    }
    reference.target = image.offset_of(reference.is_back ? reference.origin - value : reference.origin + value);
    if (reference.target != kNowhere) visit(reference);
  }
}

}  // namespace upswarm::package
