#include <algorithm>

#include "protocol/package/decode/reference_scan.hpp"
#include "protocol/package/encode/executable.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kFewestEntries = 3;
constexpr std::size_t kMostTables = 20'000;  ///< of one executable: each is told, and costs 2 to 3 bytes
constexpr std::byte kLoadAddress{0x8d};      ///< LEA: code that jumps by a table loads its address first

bool is_code(const Executable& executable, SpaceOffset offset) {
  const auto after = std::upper_bound(executable.regions.begin(), executable.regions.end(), offset,
                                      [](SpaceOffset place, const Region& one) { return place < one.begin; });
  if (after == executable.regions.begin()) return false;
  const auto& found = *(after - 1);
  return offset < found.end && found.kind == RegionKind::x86_64_code;
}

/// The places whose address code loads, outside of code.
std::vector<SpaceOffset> loaded_places(ByteView bytes, const Executable& executable, const Image& image) {
  std::vector<SpaceOffset> places;
  for (const auto& region : executable.regions) {
    if (region.kind != RegionKind::x86_64_code || region.end + kScanSlack > bytes.size()) continue;
    const auto code = bytes.subspan(region.begin, region.end - region.begin);
    for_each_reference(image, region, code, region.begin, [&](const Reference& reference) {
      const bool loads = reference.at >= 2 && code[reference.at - 2] == kLoadAddress;
      if (loads && reference.target < bytes.size() && !is_code(executable, reference.target))
        places.push_back(reference.target);
    });
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

/// Takes [table.begin, table.end) out of the regions of pointers there, and enters the table.
void enter(const Region& table, std::vector<Region>& regions) {
  for (std::size_t i = 0; i < regions.size(); ++i) {
    auto& one = regions[i];
    if (one.kind != RegionKind::pointers || one.begin > table.begin || one.end < table.end) continue;
    auto rest = one;
    // Pointers are found by their distance from where their region begins.
    rest.begin = table.end + (8 - (table.end - one.begin) % 8) % 8;
    one.end = table.begin;
    if (rest.begin < rest.end) regions.push_back(rest);
    break;
  }
  regions.push_back(table);
}

}  // namespace

void find_jump_tables(ByteView bytes, Executable& executable) {
  const Image image(0, static_cast<SpaceOffset>(bytes.size()), executable.segments);
  const auto places = loaded_places(bytes, executable, image);
  std::vector<Region> tables;
  for (std::size_t i = 0; i < places.size() && tables.size() < kMostTables; ++i) {
    const auto begin = places[i];
    const auto* const segment = image.segment_at(begin);
    if (segment == nullptr || begin % 4 != 0) continue;
    const auto last = std::min(i + 1 < places.size() ? places[i + 1] : kNowhere, segment->offset + segment->size);
    const auto address = segment->address + (begin - segment->offset);
    auto end = begin;
    for (; end + 4 <= last; end += 4) {
      const auto target = image.offset_of(address + load32_signed(bytes.data() + end));
      if (target == kNowhere || !is_code(executable, target)) break;
    }
    if (end - begin >= 4 * kFewestEntries) tables.push_back({begin, end, RegionKind::table});
  }
  for (const auto& table : tables) enter(table, executable.regions);
}

}  // namespace upswarm::package
