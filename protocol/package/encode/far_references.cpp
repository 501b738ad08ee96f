#include "protocol/package/encode/far_references.hpp"

#include <algorithm>

#include "protocol/package/decode/chunker.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kSlots = std::size_t{1} << 20U;
constexpr std::size_t kShortest = 64;                                // bytes, as many as a gear hash is of
constexpr std::uint64_t kSampled = ~std::uint64_t{0} << (64U - 6U);  // one place in 64

std::size_t slot_of(std::uint64_t hash) { return static_cast<std::size_t>(hash * 0x9e3779b97f4a7c15U >> 44U); }
static_assert(kSlots == std::size_t{1} << (64U - 44U));

}  // namespace

FarReferences::FarReferences(Bytes longest) : longest_(longest), slots_(kSlots) {}

std::vector<BackReference> FarReferences::find(ByteView bytes, std::size_t start, Bytes position) {
  std::vector<BackReference> found;
  std::size_t done = start;
  // Hashes of content that begins before `start` were seen with what came before.
  const auto content = bytes.subspan(start);
  each_gear_hash(content, kSampled, [&](std::size_t end_in_content, std::uint64_t hash) {
    const auto end = start + end_in_content;
    auto& slot = slots_[slot_of(hash)];
    const auto place = static_cast<std::uint32_t>(position.count + end);
    const std::size_t distance = place - slot.place;
    const bool is_known = slot.place != 0 && slot.tag == static_cast<std::uint32_t>(hash);
    slot = {static_cast<std::uint32_t>(hash), place};
    if (!is_known || distance > std::min<std::size_t>(end - kShortest, longest_.count) || end < done + kShortest)
      return;
    auto from = end;
    while (from > done && from > distance && bytes[from - 1] == bytes[from - 1 - distance]) --from;
    auto until = end;
    while (until < bytes.size() && bytes[until] == bytes[until - distance]) ++until;
    if (until - from < kShortest) return;
    found.push_back({static_cast<std::uint32_t>(from - start), static_cast<std::uint32_t>(until - from),
                     static_cast<std::uint32_t>(distance)});
    done = until;
  });
  return found;
}

}  // namespace upswarm::package
