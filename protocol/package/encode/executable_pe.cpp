#include <string_view>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/encode/executable.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kHeaderPlace = 0x3c;
constexpr std::size_t kFileHeader = 24;  // signature and COFF header
constexpr std::uint32_t kX86_64 = 0x8664;
constexpr std::uint32_t kPe32Plus = 0x20b;
constexpr std::size_t kMostSections = 96;
constexpr std::uint32_t kCode = 0x20;
constexpr std::uint32_t kDiscarded = 0x0200'0000;

std::uint32_t u16(ByteReader& in) {
  const std::uint32_t low = in.u8();
  return low | std::uint32_t{in.u8()} << 8U;
}

struct Section {
  std::string_view name;
  std::uint32_t memory_size = 0;
  std::uint32_t address = 0;
  std::uint32_t file_size = 0;
  std::uint32_t offset = 0;
  std::uint32_t flags = 0;
};

Section read_section(ByteReader& in) {
  Section section;
  const auto name = in.raw(8);
  section.name = name.substr(0, name.find('\0'));
  section.memory_size = in.u32();
  section.address = in.u32();
  section.file_size = in.u32();
  section.offset = in.u32();
  in.raw(12);
  section.flags = in.u32();
  return section;
}

void add_section(const Section& section, std::uint64_t base, std::uint64_t size, Executable& to) {
  const auto backed = std::min(section.file_size, section.memory_size == 0 ? section.file_size : section.memory_size);
  if (section.offset > size || backed > size - section.offset) return;
  if (backed > 0) to.segments.push_back({section.offset, backed, base + section.address});
  if (section.memory_size > backed)
    to.memory.push_back({0, section.memory_size - backed, base + section.address + backed});
  if (backed == 0 || (section.flags & kDiscarded) != 0) return;
  Region region{section.offset, section.offset + backed};
  if ((section.flags & kCode) == 0) {
    const bool is_unwind_table = section.name == ".pdata";
    region.kind = is_unwind_table ? RegionKind::offsets : RegionKind::pointers;
    region.base = region.new_base = is_unwind_table ? base : 0;
  }
  to.regions.push_back(region);
}

}  // namespace

std::optional<Executable> read_pe(ByteView bytes) {
  const auto text = as_text(bytes);
  if (bytes.size() < 256 || bytes.size() > 0x7fff'ffffU || !text.starts_with("MZ")) return std::nullopt;
  ByteReader start(text.substr(kHeaderPlace));
  const auto header = start.u32();
  if (header > text.size() || !text.substr(header).starts_with(std::string_view("PE\0\0", 4))) return std::nullopt;
  ByteReader in(text.substr(header + 4));
  if (u16(in) != kX86_64) return std::nullopt;
  const auto sections = u16(in);
  in.raw(12);
  const auto optional_size = u16(in);
  in.raw(2);
  if (!in.good() || optional_size < 112 || sections > kMostSections) return std::nullopt;
  if (u16(in) != kPe32Plus) return std::nullopt;
  in.raw(22);
  const auto base = in.u64();
  in.raw(28);
  const auto headers_size = in.u32();
  ByteReader table(text.substr(std::min<std::size_t>(header + kFileHeader + optional_size, text.size())));
  Executable found;
  found.segments.push_back({0, std::min<std::uint32_t>(headers_size, static_cast<std::uint32_t>(bytes.size())), base});
  for (std::uint32_t i = 0; i < sections && table.good(); ++i) {
    const auto section = read_section(table);
    if (table.good()) add_section(section, base, bytes.size(), found);
  }
  return found;
}

}  // namespace upswarm::package
