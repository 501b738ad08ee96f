// Where the places of the old space are in the new one.
#pragma once

#include <vector>

#include "protocol/base/units.hpp"
#include "protocol/package/decode/space.hpp"

namespace upswarm::package {

/// `length` bytes of the new space are made from the old space; or, for places that no byte backs, correspond to it.
struct CopyOperation {
  SpaceOffset from = 0;
  SpaceOffset to = 0;
  std::uint32_t length = 0;

  bool operator==(const CopyOperation&) const = default;
};

/// Answers by the longest operation that covers a place; a place that none covers moves as what is covered before it.
/// Corrections, which are learnt one by one, go first. Not for use by two threads at once.
class AddressMap {
 public:
  /// `old_end` is the end of the old space. Takes 8 bytes an operation and up to 5 MiB, and while it is made 16 more.
  AddressMap(const std::vector<CopyOperation>& copies, const std::vector<CopyOperation>& hints, SpaceOffset old_end);

  /// For a field that `copy` moves: places inside of `copy` move with it.
  SpaceOffset map(SpaceOffset target, const CopyOperation& copy) const {
    if (target - copy.from < copy.length) return target - copy.from + copy.to;
    return map(target);
  }
  SpaceOffset map(SpaceOffset target) const;

  /// From now on `target` is at `where`. A table of fixed size: what is learnt later may push out what was before.
  void learn(SpaceOffset target, SpaceOffset where);

 private:
  struct Step {
    SpaceOffset from = 0;  ///< from here on, up to the next step
    SpaceOffset to = 0;
  };
  struct Correction {
    SpaceOffset target = kNowhere;
    SpaceOffset where = 0;
  };

  static std::size_t slot_of(SpaceOffset target) { return (target * 0x9e3779b1U) >> (32U - kCorrectionBits); }

  static constexpr unsigned kCorrectionBits = 18;
  static constexpr std::size_t kMostBuckets = std::size_t{1} << 18U;

  std::vector<Step> steps_;             ///< by `from`
  std::vector<std::uint32_t> buckets_;  ///< the first step that starts at or after the bucket
  unsigned shift_ = 0;
  std::vector<Correction> corrections_;
};

}  // namespace upswarm::package
