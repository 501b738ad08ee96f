#include "protocol/package/decode/address_map.hpp"

#include <algorithm>
#include <numeric>
#include <queue>

namespace upswarm::package {

AddressMap::AddressMap(const std::vector<CopyOperation>& copies, const std::vector<CopyOperation>& hints,
                       SpaceOffset old_end)
    : corrections_(std::size_t{1} << kCorrectionBits) {
  const auto copy_count = static_cast<std::uint32_t>(copies.size());
  const auto at = [&](std::uint32_t i) -> const CopyOperation& {
    return i < copy_count ? copies[i] : hints[i - copy_count];
  };
  std::vector<std::uint32_t> order(copies.size() + hints.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return at(a).from != at(b).from ? at(a).from < at(b).from : a < b; });
  const auto is_worse = [&](std::uint32_t a, std::uint32_t b) {
    return at(a).length != at(b).length ? at(a).length < at(b).length : a > b;
  };
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, decltype(is_worse)> active(is_worse);
  const auto end_of = [&](std::uint32_t i) { return std::uint64_t{at(i).from} + at(i).length; };
  std::uint32_t current = kNowhere;
  const auto switch_to_best = [&](std::uint64_t place) {
    while (!active.empty() && end_of(active.top()) <= place) active.pop();
    if (active.empty() || active.top() == current) return;
    current = active.top();
    const auto from = static_cast<SpaceOffset>(place);
    steps_.push_back({from, at(current).to + (from - at(current).from)});
  };
  for (std::size_t next = 0; next < order.size() || !active.empty();) {
    const auto start = next < order.size() ? at(order[next]).from : kNowhere;
    if (!active.empty() && end_of(active.top()) <= start) {
      const auto place = end_of(active.top());
      active.pop();
      switch_to_best(place);
      continue;
    }
    if (next == order.size()) break;
    for (; next < order.size() && at(order[next]).from == start; ++next) active.push(order[next]);
    switch_to_best(start);
  }
  while ((std::uint64_t{old_end} >> shift_) >= kMostBuckets) ++shift_;
  buckets_.resize((old_end >> shift_) + 2);
  std::size_t step = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    while (step < steps_.size() && (steps_[step].from >> shift_) < bucket) ++step;
    buckets_[bucket] = static_cast<std::uint32_t>(step);
  }
}

SpaceOffset AddressMap::map(SpaceOffset target) const {
  const auto& correction = corrections_[slot_of(target)];
  if (correction.target == target) return correction.where;
  const auto bucket = target >> shift_;
  if (bucket + 1 >= buckets_.size()) return kNowhere;
  auto first = steps_.begin() + buckets_[bucket];
  const auto last = steps_.begin() + buckets_[bucket + 1];
  first = std::upper_bound(first, last, target, [](SpaceOffset place, const Step& one) { return place < one.from; });
  if (first == steps_.begin()) return kNowhere;
  const auto& found = *(first - 1);
  return found.to + (target - found.from);
}

void AddressMap::learn(SpaceOffset target, SpaceOffset where) { corrections_[slot_of(target)] = {target, where}; }

}  // namespace upswarm::package
