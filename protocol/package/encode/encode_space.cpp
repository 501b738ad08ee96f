#include "protocol/package/encode/encode_space.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/package/decode/patch_group.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kLabelled = 16;  ///< bytes of a target that tell it from others

std::uint32_t label_of(const ByteBuffer& plain, std::size_t size, SpaceOffset target) {
  if (target >= size) return 0x5bd1'e995U;
  std::array<std::byte, kLabelled> bytes{};
  std::memcpy(bytes.data(), plain.data() + target, std::min(kLabelled, size - target));
  const auto a = load64(bytes.data()) * 0x9e37'79b9'7f4a'7c15U;
  const auto b = (load64(bytes.data() + 8) ^ a >> 29U) * 0xbf58'476d'1ce4'e5b9U;
  return static_cast<std::uint32_t>((a ^ b) >> 32U);
}

}  // namespace

void EncodeSpace::add(std::string_view path, ByteView bytes, bool is_whole) {
  const auto begin = static_cast<SpaceOffset>(bytes_.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  if (!is_whole || found_.size() == kMostImages) return;
  auto executable = read_executable(bytes);
  if (!executable) return;
  for (auto& segment : executable->segments) segment.offset += begin;
  for (auto& region : executable->regions) {
    region.begin += begin;
    region.end += begin;
  }
  found_.push_back({begin, static_cast<SpaceOffset>(bytes_.size()), std::move(*executable)});
  paths_.emplace_back(path);
}

void EncodeSpace::finish() {
  size_ = bytes_.size();
  auto tail = static_cast<SpaceOffset>(size_);
  for (auto& one : found_) {
    auto segments = std::move(one.executable.segments);
    for (auto memory : one.executable.memory) {
      if (memory.size > kLargestSpace.count - tail) continue;
      memory.offset = tail;
      tail += memory.size;
      segments.push_back(memory);
    }
    images_.emplace_back(one.begin, one.end, std::move(segments));
    std::vector<Anchor> anchors;
    for (const auto& section : one.executable.sections)
      anchors.push_back({section.index, section.symbol, section.offset, section.offset});
    images_.back().set_anchors(std::move(anchors));
    sections_.push_back(std::move(one.executable.sections));
    for (const auto& region : one.executable.regions) regions_.push_back(region);
  }
  found_.clear();
  // More than a group may name: the many small tables go first.
  const auto is_table = [](const Region& region) { return region.kind == RegionKind::table; };
  if (regions_.size() > kMostRegions) std::erase_if(regions_, is_table);
  regions_.resize(std::min(regions_.size(), kMostRegions));
  bytes_.resize(size_ + kScanSlack);
}

void EncodeSpace::drop(const std::vector<Region>& useless) {
  std::erase_if(regions_, [&](const Region& region) {
    return std::any_of(useless.begin(), useless.end(), [&](const Region& one) { return one.begin == region.begin; });
  });
}

ByteBuffer EncodeSpace::labelled() const {
  auto plain = bytes_;
  auto image = images_.begin();
  const auto visit = [&](auto act) {
    image = images_.begin();
    for (const auto& region : regions_) {
      while (image->end() <= region.begin) ++image;
      const auto part = ByteView(bytes_).subspan(region.begin, region.end - region.begin);
      for_each_reference(*image, region, part, region.begin,
                         [&](const Reference& reference) { act(region, reference); });
    }
  };
  visit([&](const Region& region, const Reference& reference) {
    std::memset(plain.data() + region.begin + reference.at, 0, reference.width);
  });
  auto labelled = plain;
  visit([&](const Region& region, const Reference& reference) {
    store_field(4, labelled.data() + region.begin + reference.at, label_of(plain, size_, reference.target));
  });
  labelled.resize(size_);
  return labelled;
}

}  // namespace upswarm::package
