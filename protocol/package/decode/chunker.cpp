#include "protocol/package/decode/chunker.hpp"

#include <algorithm>
#include <array>

namespace upswarm::package {
namespace {

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) from the seed 0: the same numbers on every machine, and nobody's
/// choice.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> table{};
  std::uint64_t state = 0;
  for (auto& value : table) {
    state += 0x9e3779b97f4a7c15U;
    auto z = state;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    value = z ^ (z >> 31U);
  }
  return table;
}
constexpr auto kGear = make_gear();

// The top bits of a gear hash depend on the most bytes. Two bits more than the common size before it, two fewer after.
constexpr std::uint64_t top_bits(int count) { return ~std::uint64_t{0} << static_cast<unsigned>(64 - count); }
constexpr auto kSeldom = top_bits(18);
constexpr auto kOften = top_bits(14);
constexpr std::size_t kReadBuffer = 1 << 20;

std::uint64_t step(std::uint64_t hash, std::byte byte) {
  return (hash << 1U) + kGear[std::to_integer<unsigned char>(byte)];  // NOLINT: a byte is always inside
}

}  // namespace

std::size_t first_chunk(ByteView bytes) {
  const auto longest = std::min<std::size_t>(bytes.size(), kLongestChunk.count);
  if (longest <= kShortestChunk.count) return longest;
  const auto common = std::min<std::size_t>(longest, kCommonChunk.count);
  std::uint64_t hash = 0;
  std::size_t at = kShortestChunk.count;
  for (; at < common; ++at) {
    hash = step(hash, bytes[at]);
    if ((hash & kSeldom) == 0) return at + 1;
  }
  for (; at < longest; ++at) {
    hash = step(hash, bytes[at]);
    if ((hash & kOften) == 0) return at + 1;
  }
  return longest;
}

void each_gear_hash(ByteView bytes, std::uint64_t mask, const std::function<void(std::size_t, std::uint64_t)>& use) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    hash = step(hash, bytes[i]);
    if ((hash & mask) == 0 && i >= 63) use(i + 1, hash);
  }
}

Result<void> each_chunk(InputFile& file, const std::function<Result<void>(ByteView)>& use) {
  ByteBuffer buffer(kReadBuffer);
  std::size_t have = 0;
  std::size_t used = 0;
  bool is_at_end = false;
  for (Bytes at;;) {
    if (!is_at_end && have - used < kLongestChunk.count) {
      std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(used), buffer.begin() + static_cast<std::ptrdiff_t>(have),
                buffer.begin());
      have -= used;
      used = 0;
      UPSWARM_TRY(const auto count, file.read_at(at, std::span(buffer).subspan(have)));
      at += Bytes{count};
      is_at_end = count < buffer.size() - have;
      have += count;
    }
    if (used == have) return {};
    const auto left = ByteView(buffer).subspan(used, have - used);
    const auto size = first_chunk(left);
    UPSWARM_CHECK(use(left.first(size)));
    used += size;
  }
}

}  // namespace upswarm::package
