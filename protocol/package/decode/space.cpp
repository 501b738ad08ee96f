#include "protocol/package/decode/space.hpp"

#include <algorithm>

namespace upswarm::package {
namespace {

template <typename Key>
const ImageSegment* last_from(const std::vector<ImageSegment>& segments, std::uint64_t place, Key key) {
  const auto after = std::upper_bound(segments.begin(), segments.end(), place,
                                      [key](std::uint64_t value, const ImageSegment& one) { return value < one.*key; });
  if (after == segments.begin()) return nullptr;
  const auto& found = *(after - 1);
  return place - found.*key < found.size ? &found : nullptr;
}

}  // namespace

Image::Image(SpaceOffset begin, SpaceOffset end, std::vector<ImageSegment> segments)
    : begin_(begin), end_(end), by_offset_(std::move(segments)), by_address_(by_offset_) {
  std::sort(by_offset_.begin(), by_offset_.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::sort(by_address_.begin(), by_address_.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
}

SpaceOffset Image::offset_of(std::uint64_t address) const {
  const auto* const found = last_from(by_address_, address, &ImageSegment::address);
  return found == nullptr ? kNowhere : found->offset + static_cast<SpaceOffset>(address - found->address);
}

const ImageSegment* Image::segment_at(SpaceOffset offset) const {
  return last_from(by_offset_, offset, &ImageSegment::offset);
}

void Image::set_anchors(std::vector<Anchor> anchors) {
  anchors_ = std::move(anchors);
  by_symbol_.clear();
  for (std::uint32_t i = 0; i < anchors_.size(); ++i)
    if (anchors_[i].symbol != 0) by_symbol_.push_back(i);
  std::stable_sort(by_symbol_.begin(), by_symbol_.end(),
                   [this](auto a, auto b) { return anchors_[a].symbol < anchors_[b].symbol; });
}

const Anchor* Image::anchor_of_section(std::uint64_t section) const {
  const auto found = std::lower_bound(anchors_.begin(), anchors_.end(), section,
                                      [](const Anchor& one, auto wanted) { return one.section < wanted; });
  return found == anchors_.end() || found->section != section ? nullptr : &*found;
}

const Anchor* Image::anchor_of_symbol(std::uint64_t symbol) const {
  const auto found = std::lower_bound(by_symbol_.begin(), by_symbol_.end(), symbol,
                                      [this](auto one, auto wanted) { return anchors_[one].symbol < wanted; });
  return found == by_symbol_.end() || anchors_[*found].symbol != symbol ? nullptr : &anchors_[*found];
}

const Image* image_at(std::span<const Image> images, SpaceOffset offset) {
  const auto after = std::upper_bound(images.begin(), images.end(), offset,
                                      [](SpaceOffset place, const Image& one) { return place < one.begin(); });
  if (after == images.begin()) return nullptr;
  const auto& found = *(after - 1);
  return offset < found.end() ? &found : nullptr;
}

}  // namespace upswarm::package
