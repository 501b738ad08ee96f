// The bytes a patch works on, laid end to end, and what is known of the addresses that executables among them use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace upswarm::package {

/// A place in a space. A space ends below 4 GiB; larger trees are patched in several groups.
using SpaceOffset = std::uint32_t;
inline constexpr SpaceOffset kNowhere = 0xffff'ffffU;
inline constexpr std::size_t kMostSegments = 256;  ///< of one image

/// Bytes of a space that lie in memory from `address` on, when the program runs.
struct ImageSegment {
  SpaceOffset offset = 0;
  std::uint32_t size = 0;
  std::uint64_t address = 0;

  bool operator==(const ImageSegment&) const = default;
};

/// A part of a relocatable object from whose begin on its relocations and symbols count, in both spaces.
struct Anchor {
  std::uint32_t section = 0;   ///< its index in the old image; 0: the symbol table itself
  std::uint32_t symbol = 0;    ///< the symbol of the old image that stands for it; 0: none
  std::uint64_t base = 0;      ///< its address in the old image
  std::uint64_t new_base = 0;  ///< and in the new one

  bool operator==(const Anchor&) const = default;
};

/// An executable inside a space: [begin, end). Memory that no byte of the file backs (.bss) has segments, too; they lie
/// beyond all bytes of the space.
class Image {
 public:
  /// Segments overlap neither by offset nor by address.
  Image(SpaceOffset begin, SpaceOffset end, std::vector<ImageSegment> segments);

  SpaceOffset begin() const { return begin_; }
  SpaceOffset end() const { return end_; }
  std::span<const ImageSegment> segments() const { return by_offset_; }

  /// Where `address` lies, or kNowhere.
  SpaceOffset offset_of(std::uint64_t address) const;
  /// The segment that holds `offset`, or nullptr.
  const ImageSegment* segment_at(SpaceOffset offset) const;

  /// Of an old image, rising by section.
  void set_anchors(std::vector<Anchor> anchors);
  std::span<const Anchor> anchors() const { return anchors_; }
  /// Or nullptr.
  const Anchor* anchor_of_section(std::uint64_t section) const;
  const Anchor* anchor_of_symbol(std::uint64_t symbol) const;

 private:
  SpaceOffset begin_;
  SpaceOffset end_;
  std::vector<ImageSegment> by_offset_;
  std::vector<ImageSegment> by_address_;
  std::vector<Anchor> anchors_;
  std::vector<std::uint32_t> by_symbol_;  ///< anchors that have one
};

/// How a stretch of an image refers to other places of the image. The numbers are part of the format.
enum class RegionKind : std::uint8_t {
  x86_64_code = 1,  ///< relative calls and jumps, and operands relative to the instruction pointer
  pointers = 2,     ///< aligned 64-bit addresses
  offsets = 3,      ///< aligned signed 32-bit distances from an address of their own (`base`)
  unwinding = 4,    ///< .eh_frame: aligned signed 32-bit distances from where they stand, to code, or back to a CIE
  table = 5,        ///< aligned signed 32-bit distances from where the region begins (jump tables)
  relocations = 6,  ///< Elf64_Rela of a relocatable object, for section `base`
  symbols = 7,      ///< Elf64_Sym of a relocatable object, with names in section `base`
};
inline constexpr std::uint8_t kLastRegionKind = 7;

/// Whether fields of a kind count from what an anchor says.
constexpr bool has_anchors(RegionKind kind) { return kind == RegionKind::relocations || kind == RegionKind::symbols; }
/// Whether they count from what the region says.
constexpr bool has_base(RegionKind kind) { return kind == RegionKind::offsets || kind == RegionKind::unwinding; }

struct Region {
  SpaceOffset begin = 0;
  SpaceOffset end = 0;
  RegionKind kind = RegionKind::x86_64_code;
  std::uint64_t base = 0;      ///< in the old image; of unwinding, where the old image's code begins; or a section
  std::uint64_t new_base = 0;  ///< in the new image; of unwinding, where the old image's code ends
};

/// Images in order of their place; they do not overlap.
const Image* image_at(std::span<const Image> images, SpaceOffset offset);

}  // namespace upswarm::package
