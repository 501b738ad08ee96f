#include "protocol/package/encode/executable.hpp"

#include <algorithm>

namespace upswarm::package {
namespace {

bool overlaps(const std::vector<ImageSegment>& segments, const ImageSegment& one, bool is_backed) {
  return std::any_of(segments.begin(), segments.end(), [&](const ImageSegment& other) {
    const bool by_address = one.address < other.address + other.size && other.address < one.address + one.size;
    const bool by_offset = one.offset < other.offset + other.size && other.offset < one.offset + one.size;
    return by_address || (is_backed && by_offset);
  });
}

bool is_possible(const ImageSegment& segment) {
  return segment.size > 0 && segment.address + segment.size > segment.address;
}

}  // namespace

void tidy(Executable& executable, std::uint64_t size) {
  std::vector<ImageSegment> segments;
  for (const auto& one : executable.segments) {
    const bool is_inside = one.offset <= size && one.size <= size - one.offset;
    if (is_inside && is_possible(one) && segments.size() < kMostSegments / 2 && !overlaps(segments, one, true))
      segments.push_back(one);
  }
  std::vector<ImageSegment> memory;
  for (const auto& one : executable.memory) {
    if (is_possible(one) && memory.size() < kMostSegments / 2 && !overlaps(segments, one, false) &&
        !overlaps(memory, one, false)) {
      memory.push_back(one);
    }
  }
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  executable.segments = std::move(segments);
  executable.memory = std::move(memory);
  auto& regions = executable.regions;
  std::stable_sort(regions.begin(), regions.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  SpaceOffset before = 0;
  std::erase_if(regions, [&](const Region& one) {
    const bool is_odd = one.begin < before || one.end <= one.begin || one.end > size;
    if (!is_odd) before = one.end;
    return is_odd;
  });
}

std::optional<Executable> read_executable(ByteView bytes) {
  auto found = read_elf(bytes);
  if (!found) found = read_pe(bytes);
  if (!found) return found;
  tidy(*found, bytes.size());
  find_jump_tables(bytes, *found);
  tidy(*found, bytes.size());
  return found;
}

}  // namespace upswarm::package
