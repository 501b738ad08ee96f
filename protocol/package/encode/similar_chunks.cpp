#include "protocol/package/encode/similar_chunks.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "protocol/package/decode/chunker.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kSlots = 1 << 20;
constexpr std::uint64_t kClosest = 256;      // bytes from sample to sample, on the average
constexpr std::uint64_t kLeastCommon{4096};  // bytes; less in common does not pay for reading the chunk

std::size_t slot_of(std::uint64_t sample) { return static_cast<std::size_t>(sample * 0x9e3779b97f4a7c15U >> 44U); }
static_assert(kSlots == std::size_t{1} << (64U - 44U));

}  // namespace

SimilarChunks::SimilarChunks(Bytes tree_size) : slots_(kSlots) {
  const auto distance = std::bit_ceil(std::max(kClosest, tree_size.count / (kSlots / 2)));
  // The low bits would see the last bytes alone.
  mask_ = ~std::uint64_t{0} << static_cast<unsigned>(64 - std::countr_zero(distance));
  least_common_ = static_cast<std::uint32_t>(std::max<std::uint64_t>(2, kLeastCommon / distance));
}

SimilarChunks::Samples SimilarChunks::sample(ByteView content) const {
  Samples samples;
  each_gear_hash(
      content, [&](std::uint64_t hash) { samples.push_back(hash); }, mask_);
  return samples;
}

void SimilarChunks::add(std::uint32_t chunk, const Samples& samples) {
  for (const auto sample : samples) slots_[slot_of(sample)] = {static_cast<std::uint32_t>(sample), chunk + 1};
}

std::vector<SimilarChunks::Found> SimilarChunks::find(const Samples& samples) const {
  std::map<std::uint32_t, std::uint32_t> common;
  for (const auto sample : samples) {
    const auto& slot = slots_[slot_of(sample)];
    if (slot.chunk_and_one != 0 && slot.tag == static_cast<std::uint32_t>(sample)) ++common[slot.chunk_and_one - 1];
  }
  std::vector<Found> found;
  for (const auto& [chunk, count] : common) {
    if (count >= least_common_) found.push_back({chunk, count});
  }
  std::ranges::stable_sort(found, std::ranges::greater{}, &Found::common);
  return found;
}

}  // namespace upswarm::package
