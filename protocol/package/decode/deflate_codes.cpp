#include "protocol/package/decode/deflate_codes.hpp"

#include <algorithm>
#include <array>

namespace upswarm::package {
namespace {

constexpr std::size_t kFixedLiterals = 288;
constexpr std::size_t kLongestCode = 15;
constexpr std::uint32_t kFirstLength = 257;
constexpr std::uint32_t kShortest = 3;
constexpr std::uint32_t kLongest = 258;
constexpr std::uint32_t kFarthest = 32768;

template <std::size_t kCount>
constexpr std::array<CodeRange, kCount> ranges(std::uint16_t first, std::uint32_t plain, std::uint32_t step) {
  std::array<CodeRange, kCount> table{};
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const auto extra = static_cast<std::uint8_t>(i < plain ? 0 : i / step - plain / step + 1);
    table.at(i) = {first, extra};
    first = static_cast<std::uint16_t>(first + (1U << extra));
  }
  return table;
}

// The longest match has a code of its own, without more bits.
constexpr auto kLengthRanges = [] {
  auto table = ranges<kLiteralCodes - kFirstLength>(kShortest, 8, 4);
  table.back() = {kLongest, 0};
  return table;
}();
constexpr auto kDistanceRanges = ranges<kDistanceCodes>(1, 4, 2);

template <typename Table>
constexpr std::uint8_t find_range(const Table& table, std::uint32_t value) {
  std::uint8_t code = 0;
  while (code + 1U < table.size() && table.at(code + 1U).first <= value) ++code;
  return code;
}

constexpr auto kCodeOfLength = [] {
  std::array<std::uint8_t, kLongest + 1> table{};
  for (std::uint32_t i = kShortest; i <= kLongest; ++i) table.at(i) = find_range(kLengthRanges, i);
  return table;
}();
// From 257 on every code begins at a multiple of 128, and one more.
constexpr std::uint32_t kNear = 256;
constexpr std::uint32_t kFarStep = 7;
constexpr auto kCodeOfNear = [] {
  std::array<std::uint8_t, kNear> table{};
  for (std::uint32_t i = 0; i < kNear; ++i) table.at(i) = find_range(kDistanceRanges, i + 1);
  return table;
}();
constexpr auto kCodeOfFar = [] {
  std::array<std::uint8_t, (kFarthest >> kFarStep)> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) table.at(i) = find_range(kDistanceRanges, (i << kFarStep) + 1);
  return table;
}();

/// Pairs the two rarest again and again. Nodes are numbered: symbols first, then pairs in the order in which they are
/// made. Of equally frequent ones the shallower is rarer, else it depends on where the heap has them.
class PairingTree {
 public:
  PairingTree(std::span<const std::uint16_t> counts, std::uint8_t longest)
      : longest_(longest), symbols_(counts.size()), nodes_(2 * counts.size() + 1), heap_{0} {
    for (std::uint32_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) enter(i, counts[i]);
    }
    while (heap_.size() < 3) enter(used_ < 3 ? used_ : 0, 1);
  }

  std::vector<std::uint8_t> lengths() {
    pair();
    const auto too_long = measure();
    if (too_long > 0) shorten(too_long);
    std::vector<std::uint8_t> result;
    for (std::uint32_t i = 0; i < used_; ++i) result.push_back(nodes_[i].length);
    return result;
  }

 private:
  struct Node {
    std::uint32_t count = 0;
    std::uint32_t parent = 0;
    std::uint8_t depth = 0;
    std::uint8_t length = 0;
  };

  void enter(std::uint32_t symbol, std::uint32_t count) {
    nodes_[symbol].count = count;
    heap_.push_back(symbol);
    used_ = std::max(used_, symbol + 1);
  }

  bool is_rarer(std::uint32_t a, std::uint32_t b) const {
    const auto& one = nodes_[a];
    const auto& other = nodes_[b];
    return one.count != other.count ? one.count < other.count : one.depth <= other.depth;
  }

  /// Puts what is at `at` in its place below. The heap begins at 1.
  void sink(std::size_t at) {
    const auto node = heap_[at];
    for (auto child = 2 * at; child < heap_.size(); child = 2 * at) {
      if (child + 1 < heap_.size() && is_rarer(heap_[child + 1], heap_[child])) ++child;
      if (is_rarer(node, heap_[child])) break;
      heap_[at] = heap_[child];
      at = child;
    }
    heap_[at] = node;
  }

  void pair() {
    for (auto i = (heap_.size() - 1) / 2; i > 0; --i) sink(i);
    for (auto next = static_cast<std::uint32_t>(symbols_); heap_.size() > 2; ++next) {
      const auto rarest = heap_[1];
      heap_[1] = heap_.back();
      heap_.pop_back();
      sink(1);
      const auto second = heap_[1];
      taken_.push_back(rarest);
      taken_.push_back(second);
      nodes_[next].count = nodes_[rarest].count + nodes_[second].count;
      nodes_[next].depth = static_cast<std::uint8_t>(std::max(nodes_[rarest].depth, nodes_[second].depth) + 1);
      nodes_[rarest].parent = nodes_[second].parent = next;
      heap_[1] = next;
      sink(1);
    }
  }

  /// Lengths by place in the tree, none longer than allowed. Gives how many had to be cut, pairs included.
  int measure() {
    int too_long = 0;
    for (auto node = taken_.rbegin(); node != taken_.rend(); ++node) {
      auto length = static_cast<std::uint8_t>(nodes_[nodes_[*node].parent].length + 1);
      if (length > longest_) {
        length = longest_;
        ++too_long;
      }
      nodes_[*node].length = length;
      if (*node < symbols_) ++of_length_.at(length);
    }
    return too_long;
  }

  /// Makes room for those that were cut by lengthening shorter ones, then gives the lengths out anew: the longest to
  /// the rarest.
  void shorten(int too_long) {
    for (; too_long > 0; too_long -= 2) {
      auto length = longest_ - 1U;
      while (of_length_.at(length) == 0) --length;
      --of_length_.at(length);
      of_length_.at(length + 1) += 2;
      --of_length_.at(longest_);
    }
    auto node = taken_.begin();
    for (auto length = longest_; length > 0; --length) {
      for (auto left = of_length_.at(length); left > 0; ++node) {
        if (*node >= symbols_) continue;
        nodes_[*node].length = length;
        --left;
      }
    }
  }

  std::uint8_t longest_;
  std::size_t symbols_;
  std::uint32_t used_ = 0;  // symbols up to the last that occurs
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> heap_;
  std::vector<std::uint32_t> taken_;  // off the heap, the rarest first; all but the root
  std::array<std::uint32_t, kLongestCode + 1> of_length_{};
};

}  // namespace

CodeRange length_range(std::uint32_t code) { return kLengthRanges.at(code - kFirstLength); }
CodeRange distance_range(std::uint32_t code) { return kDistanceRanges.at(code); }
std::uint32_t code_of_length(std::uint32_t length) { return kFirstLength + kCodeOfLength.at(length); }
std::uint32_t code_of_distance(std::uint32_t distance) {
  return distance <= kNear ? kCodeOfNear.at(distance - 1) : kCodeOfFar.at((distance - 1) >> kFarStep);
}

std::vector<std::uint8_t> code_lengths(std::span<const std::uint16_t> counts, std::uint8_t longest) {
  return PairingTree(counts, longest).lengths();
}

std::vector<std::uint16_t> code_words(std::span<const std::uint8_t> lengths) {
  std::array<std::uint32_t, kLongestCode + 2> next{};
  for (const auto length : lengths) {
    if (length > 0) ++next.at(length + 1U);
  }
  for (std::size_t i = 1; i < next.size(); ++i) next.at(i) = (next.at(i) + next.at(i - 1)) << 1U;
  std::vector<std::uint16_t> words;
  for (const auto length : lengths) {
    if (length == 0) {
      words.push_back(0);
      continue;
    }
    const auto word = next.at(length)++;
    std::uint32_t reversed = 0;
    for (unsigned i = 0; i < length; ++i) reversed |= (word >> i & 1U) << (length - 1U - i);
    words.push_back(static_cast<std::uint16_t>(reversed));
  }
  return words;
}

std::span<const std::uint8_t> fixed_literal_lengths() {
  static constexpr auto kLengths = [] {
    std::array<std::uint8_t, kFixedLiterals> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
      table.at(i) = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;  // RFC 1951, 3.2.6
    return table;
  }();
  return kLengths;
}

std::span<const std::uint8_t> fixed_distance_lengths() {
  static constexpr auto kLengths = [] {
    std::array<std::uint8_t, kDistanceCodes> table{};
    table.fill(5);
    return table;
  }();
  return kLengths;
}

}  // namespace upswarm::package
