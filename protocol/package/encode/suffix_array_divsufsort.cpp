#include <divsufsort.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "protocol/package/encode/suffix_array.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kPairs = 65536;

std::size_t pair_at(ByteView bytes, std::size_t at) {
  return std::to_integer<std::size_t>(bytes[at]) << 8U | std::to_integer<std::size_t>(bytes[at + 1]);
}

}  // namespace

std::size_t equal_length(const std::byte* a, const std::byte* b, std::size_t most) {
  std::size_t i = 0;
  for (; i + 8 <= most; i += 8) {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    std::memcpy(&left, a + i, 8);
    std::memcpy(&right, b + i, 8);
    if (left == right) continue;
    static_assert(std::endian::native == std::endian::little);
    return i + static_cast<std::size_t>(std::countr_zero(left ^ right)) / 8;
  }
  while (i < most && a[i] == b[i]) ++i;
  return i;
}

Result<SuffixArray> SuffixArray::make(ByteView bytes) {
  SuffixArray made(bytes);
  made.order_.resize(bytes.size());
  if (bytes.size() < 2) return made;
  const auto* const text = reinterpret_cast<const sauchar_t*>(bytes.data());  // NOLINT: divsufsort's type of bytes
  if (divsufsort(text, made.order_.data(), static_cast<saidx_t>(bytes.size())) != 0)
    return Error{ErrorKind::internal, "sort suffixes", "divsufsort failed; is there enough memory?"};
  // The suffix of one byte sorts before all that start with that byte: it never is the longest match.
  std::vector<std::int32_t> counts(kPairs + 1);
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) ++counts[pair_at(bytes, i) + 1];
  const auto last = std::to_integer<std::size_t>(bytes.back()) << 8U;
  ++counts[last];
  for (std::size_t i = 1; i <= kPairs; ++i) counts[i] += counts[i - 1];
  made.first_ = std::move(counts);
  return made;
}

SuffixArray::Match SuffixArray::find(ByteView wanted) const {
  if (wanted.size() < 2 || order_.size() < 2) return {};
  const auto pair = pair_at(wanted, 0);
  auto low = first_[pair];
  auto high = first_[pair + 1];
  Match best;
  const auto most = std::min(wanted.size(), kLongestLook);
  std::size_t low_equal = 0;
  std::size_t high_equal = 0;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto at = static_cast<std::size_t>(order_[static_cast<std::size_t>(middle)]);
    const auto room = std::min(most, bytes_.size() - at);
    const auto start = std::min({low_equal, high_equal, room});
    const auto equal = start + equal_length(bytes_.data() + at + start, wanted.data() + start, room - start);
    if (equal > best.length) best = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(equal)};
    if (equal == most) break;
    const bool is_before = equal == bytes_.size() - at || bytes_[at + equal] < wanted[equal];
    if (is_before) {
      low = middle + 1;
      low_equal = equal;
    } else {
      high = middle;
      high_equal = equal;
    }
  }
  return best;
}

}  // namespace upswarm::package
