#include "protocol/package/encode/back_references.hpp"

#include <algorithm>

namespace upswarm::package {
namespace {

// About what zstd needs at high levels, in bits: only for weighing one against the other.
constexpr std::uint32_t kLiteralCost = 6;
constexpr std::uint32_t kReferenceCost = 20;
constexpr std::uint32_t kFarCost = 2 * kReferenceCost;  // a large distance, and what it breaks in two

/// The part of `reference` from `start` to `end`, when it is long enough to be one.
void append_part(const BackReference& reference, std::uint32_t start, std::uint32_t end,
                 std::vector<BackReference>& to) {
  const auto at = std::max(reference.at, start);
  const auto until = std::min(reference.end(), end);
  if (until >= at + kShortestReference) to.push_back({at, until - at, reference.distance});
}

/// What the bytes of `far` cost now; `near` are references of which the first ends behind its beginning.
bool is_cheaper(const BackReference& far, std::span<const BackReference> near) {
  std::uint64_t references = 0;
  std::uint64_t literals = far.length;
  for (const auto& one : near) {
    if (one.at >= far.end()) break;
    literals -= std::min(one.end(), far.end()) - std::max(one.at, far.at);
    if (one.at > far.at) ++references;
  }
  return literals * kLiteralCost + references * kReferenceCost > kFarCost;
}

}  // namespace

std::vector<BackReference> merge(const std::vector<BackReference>& near, const std::vector<BackReference>& far) {
  std::vector<BackReference> merged;
  merged.reserve(near.size());
  std::span<const BackReference> left(near);
  std::uint32_t done = 0;
  for (const auto& one : far) {
    for (; !left.empty() && left.front().end() <= one.at; left = left.subspan(1))
      append_part(left.front(), done, one.at, merged);
    if (!is_cheaper(one, left)) continue;
    if (!left.empty()) append_part(left.front(), done, one.at, merged);
    merged.push_back(one);
    done = one.end();
    while (!left.empty() && left.front().end() <= done) left = left.subspan(1);
  }
  for (const auto& one : left) append_part(one, done, one.end(), merged);
  return merged;
}

void append_block(std::span<const BackReference>& left, std::uint32_t start, std::uint32_t end,
                  std::vector<Sequence>& to) {
  auto done = start;
  while (!left.empty() && left.front().at < end) {
    const auto& one = left.front();
    const auto at = std::max(one.at, start);
    const auto until = std::min(one.end(), end);
    if (until >= at + kShortestReference) {
      to.push_back({at - done, until - at, one.distance});
      done = until;
    }
    if (one.end() > end) break;
    left = left.subspan(1);
  }
  to.push_back({end - done, 0, 0});
}

}  // namespace upswarm::package
