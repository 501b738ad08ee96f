#include "protocol/package/encode/encode_space.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "protocol/package/decode/patch_group.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kLabelled = 16;  ///< bytes of a target that tell it from others

constexpr std::uint32_t kLabelOfNothing = 0x5bd1'e995U;  ///< of a target beyond all bytes
constexpr unsigned kBitsOfWord = 64;

std::uint32_t label_of(const std::array<std::byte, kLabelled>& bytes) {
  const auto a = load64(bytes.data()) * 0x9e37'79b9'7f4a'7c15U;
  const auto b = (load64(bytes.data() + 8) ^ a >> 29U) * 0xbf58'476d'1ce4'e5b9U;
  return static_cast<std::uint32_t>((a ^ b) >> 32U);
}

}  // namespace

void EncodeSpace::reserve(Bytes size) { bytes_.reserve(size.count + kScanSlack); }

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

template <typename Act>
void EncodeSpace::for_each_field(Act act) const {
  auto image = images_.begin();
  for (const auto& region : regions_) {
    while (image->end() <= region.begin) ++image;
    const auto part = ByteView(bytes_).subspan(region.begin, region.end - region.begin);
    for_each_reference(*image, region, part, region.begin,
                       [&](const Reference& reference) { act(region.begin + reference.at, reference); });
  }
}

void EncodeSpace::put_labels() {
  is_field_.assign(size_ / kBitsOfWord + 2, 0);
  std::size_t count = 0;
  for_each_field([&](std::size_t place, const Reference& reference) {
    count += reference.width;
    for (std::size_t i = place; i < place + reference.width; ++i)
      is_field_[i / kBitsOfWord] |= std::uint64_t{1} << i % kBitsOfWord;
  });
  kept_.clear();
  kept_.reserve(count);
  for_each_field([&](std::size_t, const Reference& reference) {
    const auto begin = kept_.size();
    kept_.resize(begin + reference.width);
    store_field(4, kept_.data() + begin, label_at(reference.target));
  });
  exchange_kept();
}

void EncodeSpace::take_labels_away() {
  exchange_kept();
  is_field_ = std::vector<std::uint64_t>();  // {} would keep the room
  kept_ = ByteBuffer();
}

/// Fields count as zeros: two places that refer to others in the same way have one label.
std::uint32_t EncodeSpace::label_at(SpaceOffset target) const {
  if (target >= size_) return kLabelOfNothing;
  std::array<std::byte, kLabelled> bytes{};
  std::memcpy(bytes.data(), bytes_.data() + target, std::min(kLabelled, size_ - target));
  const auto word = target / kBitsOfWord;
  const auto shift = target % kBitsOfWord;
  auto fields = is_field_[word] >> shift;
  if (shift > kBitsOfWord - kLabelled) fields |= is_field_[word + 1] << (kBitsOfWord - shift);
  for (fields &= (1U << kLabelled) - 1; fields != 0; fields &= fields - 1)
    bytes.at(static_cast<std::size_t>(std::countr_zero(fields))) = {};
  return label_of(bytes);
}

void EncodeSpace::exchange_kept() {
  auto kept = kept_.begin();
  for (std::size_t word = 0; word < is_field_.size(); ++word) {
    for (auto fields = is_field_[word]; fields != 0; fields &= fields - 1)
      std::swap(bytes_[word * kBitsOfWord + static_cast<std::size_t>(std::countr_zero(fields))], *kept++);
  }
}

}  // namespace upswarm::package
