#include <map>
#include <string_view>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/reference_scan.hpp"
#include "protocol/package/encode/executable.hpp"

namespace upswarm::package {
namespace {

constexpr std::string_view kMagic("\177ELF\2\1\1", 7);  // 64 bits, little-endian, version 1
constexpr std::size_t kHeader = 64;
constexpr std::uint16_t kRelocatable = 1;  // e_type
constexpr std::uint16_t kExecutable = 2;
constexpr std::uint16_t kShared = 3;
constexpr std::uint16_t kX86_64 = 62;  // e_machine
constexpr std::size_t kSegmentHeader = 56;
constexpr std::size_t kSectionHeader = 64;
constexpr std::uint32_t kLoad = 1;  // p_type
constexpr std::uint32_t kCodeFlag = 1;
constexpr std::uint32_t kSymbolTable = 2;  // sh_type
constexpr std::uint32_t kRelocations = 4;
constexpr std::uint32_t kDynamic = 6;
constexpr std::uint32_t kNoBits = 8;
constexpr std::uint32_t kDynamicSymbols = 11;
constexpr std::uint64_t kWritten = 1;  // sh_flags
constexpr std::uint64_t kLoaded = 2;
constexpr std::uint64_t kCode = 4;
constexpr std::uint64_t kSectionSymbol = 3;                          // of st_info
constexpr std::uint64_t kMemoryOfObjects = std::uint64_t{1} << 40U;  ///< addresses for what no byte backs

struct Section {
  std::uint32_t name = 0;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
};

std::string_view part(ByteView bytes, std::uint64_t offset, std::uint64_t length) {
  if (offset > bytes.size() || length > bytes.size() - offset) return {};
  return as_text(bytes).substr(offset, length);
}

std::uint64_t number(ByteView bytes, std::uint64_t offset, int width) {
  ByteReader in(part(bytes, offset, static_cast<std::uint64_t>(width)));
  if (width == 1) return in.u8();
  if (width == 2) {
    const std::uint64_t low = in.u8();
    return low | std::uint64_t{in.u8()} << 8U;
  }
  return width == 4 ? in.u32() : in.u64();
}

void read_segments(ByteView bytes, Executable& to) {
  const auto table = number(bytes, 32, 8);
  const auto count = number(bytes, 56, 2);
  for (std::uint64_t i = 0; i < count && i < kMostSegments; ++i) {
    const auto at = table + i * kSegmentHeader;
    if (number(bytes, at, 4) != kLoad) continue;
    const auto offset = number(bytes, at + 8, 8);
    const auto address = number(bytes, at + 16, 8);
    const auto file_size = number(bytes, at + 32, 8);
    const auto memory_size = number(bytes, at + 40, 8);
    if (offset > bytes.size() || file_size > bytes.size() - offset || memory_size > 0xffff'ffffU) continue;
    to.segments.push_back({static_cast<SpaceOffset>(offset), static_cast<std::uint32_t>(file_size), address});
    if (memory_size > file_size)
      to.memory.push_back({0, static_cast<std::uint32_t>(memory_size - file_size), address + file_size});
    if ((number(bytes, at + 4, 4) & kCodeFlag) != 0)
      to.regions.push_back({static_cast<SpaceOffset>(offset), static_cast<SpaceOffset>(offset + file_size)});
  }
}

std::vector<Section> read_sections(ByteView bytes) {
  const auto table = number(bytes, 40, 8);
  const auto count = number(bytes, 60, 2);
  std::vector<Section> sections;
  for (std::uint64_t i = 0; i < count; ++i) {
    ByteReader in(part(bytes, table + i * kSectionHeader, kSectionHeader));
    Section section;
    section.name = in.u32();
    section.type = in.u32();
    section.flags = in.u64();
    section.address = in.u64();
    section.offset = in.u64();
    section.size = in.u64();
    section.link = in.u32();
    section.info = in.u32();
    if (!in.good()) return {};
    sections.push_back(section);
  }
  return sections;
}

Region region(const Section& section, RegionKind kind, std::uint64_t base) {
  return {static_cast<SpaceOffset>(section.offset), static_cast<SpaceOffset>(section.offset + section.size), kind, base,
          base};
}

std::optional<Region> region_of(const Section& section, std::string_view name) {
  Region region{static_cast<SpaceOffset>(section.offset), static_cast<SpaceOffset>(section.offset + section.size)};
  if ((section.flags & kCode) != 0) return region;
  if (name == ".eh_frame") {
    region.kind = RegionKind::unwinding;
    return region;
  }
  if (name == ".eh_frame_hdr") {
    region.kind = RegionKind::offsets;
    region.base = region.new_base = section.address;
    return region;
  }
  const bool has_pointers = section.type == kRelocations || section.type == kDynamic ||
                            section.type == kDynamicSymbols || (section.flags & kWritten) != 0;
  if (!has_pointers) return std::nullopt;
  region.kind = RegionKind::pointers;
  return region;
}

std::string_view name_of(ByteView bytes, const Section& names, const Section& section) {
  const auto all = part(bytes, names.offset, names.size);
  const auto name = all.substr(std::min<std::size_t>(section.name, all.size()));
  return name.substr(0, name.find('\0'));
}

bool is_inside(ByteView bytes, const Section& section) {
  return section.offset <= bytes.size() && section.size <= bytes.size() - section.offset;
}

/// Enters the sections in which symbols of `table` lie, each with the symbol that stands for it, or 0.
void find_sections_of_symbols(ByteView bytes, const Section& table, std::map<std::uint32_t, std::uint32_t>& found) {
  for (std::uint32_t i = 1; i < table.size / kObjectRecord; ++i) {
    const auto at = table.offset + i * kObjectRecord;
    auto& symbol = found.try_emplace(static_cast<std::uint32_t>(number(bytes, at + 6, 2)), 0).first->second;
    if ((number(bytes, at + 4, 1) & 0xfU) == kSectionSymbol) symbol = i;
  }
}

/// A place in the file is its address: nothing has another one yet.
Executable read_relocatable(ByteView bytes, std::vector<Section> sections, const Section& names) {
  Executable found;
  found.segments.push_back({0, static_cast<std::uint32_t>(bytes.size()), 0});
  std::uint64_t memory = kMemoryOfObjects;
  std::map<std::uint32_t, std::uint32_t> used;
  for (auto& section : sections) {
    if (section.type == kNoBits && section.size <= 0xffff'ffffU) {
      section.offset = memory;
      found.memory.push_back({0, static_cast<std::uint32_t>(section.size), memory});
      memory += section.size;
    }
    if (!is_inside(bytes, section)) continue;
    if (section.type == kSymbolTable) {
      find_sections_of_symbols(bytes, section, used);
      used.try_emplace(section.link, 0);
      found.regions.push_back(region(section, RegionKind::symbols, section.link));
      found.sections.push_back({".symtab", 0, 0, section.offset});
    } else if (section.type == kRelocations) {
      used.try_emplace(section.info, 0);
      found.regions.push_back(region(section, RegionKind::relocations, section.info));
    }
  }
  std::map<std::string, int, std::less<>> seen;
  for (const auto& [index, symbol] : used) {
    if (index == 0 || index >= sections.size()) continue;
    std::string name(name_of(bytes, names, sections[index]));
    if (const auto again = seen[name]++; again > 0) name += " " + std::to_string(again);
    found.sections.push_back({name, index, symbol, sections[index].offset});
  }
  return found;
}

}  // namespace

std::optional<Executable> read_elf(ByteView bytes) {
  if (bytes.size() < kHeader || bytes.size() > 0x7fff'ffffU || !as_text(bytes).starts_with(kMagic)) return std::nullopt;
  const auto type = number(bytes, 16, 2);
  const bool is_program = type == kExecutable || type == kShared;
  if ((!is_program && type != kRelocatable) || number(bytes, 18, 2) != kX86_64) return std::nullopt;
  const auto sections = read_sections(bytes);
  const auto names = number(bytes, 62, 2);
  if (type == kRelocatable) {
    if (names >= sections.size()) return std::nullopt;
    return read_relocatable(bytes, sections, sections[names]);
  }
  Executable found;
  read_segments(bytes, found);
  if (names >= sections.size()) return found;
  found.regions.clear();
  std::uint64_t code_begin = ~std::uint64_t{0};
  std::uint64_t code_end = 0;
  for (const auto& section : sections) {
    if (!is_inside(bytes, section) || section.type == kNoBits || (section.flags & kLoaded) == 0) continue;
    const auto name = name_of(bytes, sections[names], section);
    if (const auto region = region_of(section, name)) found.regions.push_back(*region);
    if ((section.flags & kCode) == 0) continue;
    code_begin = std::min(code_begin, section.address);
    code_end = std::max(code_end, section.address + section.size);
  }
  for (auto& region : found.regions) {
    if (region.kind != RegionKind::unwinding) continue;
    region.base = std::min(code_begin, code_end);
    region.new_base = code_end;
  }
  return found;
}

}  // namespace upswarm::package
