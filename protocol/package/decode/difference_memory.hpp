// What the bytes of a field became when they were last copied: the same in maker and applier of a delta.
#pragma once

#include <bitset>
#include <cstdint>
#include <cstring>
#include <vector>

#include "protocol/package/decode/reference_coding.hpp"

namespace upswarm::package {

/// Which bytes of a slice belong to references, whose values are told in another way.
class ReferenceMask {
 public:
  void clear(std::size_t size) {
    taken_.assign(size, 0);
    taken_.resize(size + kDifferenceWidth, 1);
  }
  void take(std::size_t at, std::size_t width) { std::memset(taken_.data() + at, 1, width); }
  /// Whether four bytes from `at` on lie in the slice, outside of all references.
  bool has_field(std::size_t at) const {
    std::uint32_t four = 0;
    std::memcpy(&four, taken_.data() + at, sizeof four);
    return four == 0;
  }

 private:
  std::vector<std::uint8_t> taken_;
};

/// Tables of numbers (of names, types, lines, offsets) change in many places in the same way: what was 57 is 59 now.
/// It remembers for the four old bytes of a field what was added to them, and predicts it from the second time on.
/// Takes 776 KiB. Not for use by two threads at once.
class DifferenceMemory {
 public:
  DifferenceMemory() : slots_(std::size_t{1} << kBits) {}

  /// What is added to `old`; 0 when nothing is, or nothing is known.
  std::uint32_t predict(std::uint32_t old) const {
    if (!is_known_.test(old & kLow)) return 0;
    const auto& slot = slots_[index_of(old)];
    return slot.old == old && slot.trust >= kTrusted ? slot.difference : 0;
  }

  /// Every field at which predict() was asked is told, in order.
  void learn(std::uint32_t old, std::uint32_t difference) {
    if (difference == 0 && !is_known_.test(old & kLow)) return;
    auto& slot = slots_[index_of(old)];
    const bool is_same = slot.old == old && slot.trust > 0;
    if (is_same && slot.difference == difference) {
      if (slot.trust < kMostTrust) ++slot.trust;
      return;
    }
    if (is_same && --slot.trust > 0) return;
    if (difference == 0) return;
    slot = {old, difference, 1};
    is_known_.set(old & kLow);
  }

 private:
  struct Slot {
    std::uint32_t old = 0;
    std::uint32_t difference = 0;
    std::uint32_t trust = 0;  ///< 0: the slot is free
  };
  static constexpr unsigned kBits = 16;
  static constexpr std::uint32_t kLow = 0xffff;
  static constexpr std::uint32_t kTrusted = 2;
  static constexpr std::uint32_t kMostTrust = 3;

  static std::size_t index_of(std::uint32_t old) { return (old * 0x9e3779b1U) >> (32U - kBits); }

  std::vector<Slot> slots_;
  std::bitset<kLow + 1> is_known_;  ///< by the low bits: a quick no for most bytes
};

}  // namespace upswarm::package
