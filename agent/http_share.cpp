#include "agent/http_share.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

constexpr std::uint64_t kLeastShare = 8;

/// 0: no limit.
std::uint64_t left_of(std::uint64_t limit, std::uint64_t taken) {
  if (limit == 0) return 0;
  return std::max({limit - std::min(limit, taken), limit / kLeastShare, std::uint64_t{1}});
}

}  // namespace

std::uint64_t http_share(const RatesByTraffic& rates, const std::vector<PeerUse>& peers) {
  std::uint64_t taken = 0;
  std::uint64_t taken_of_origin = 0;
  for (const auto& peer : peers) {
    taken += peer.bytes_per_second;
    if (peer.source == ByteSource::origin_bt) taken_of_origin += peer.bytes_per_second;
  }
  const auto all = left_of(of(rates, Traffic::all).download, taken);
  const auto origin = left_of(of(rates, Traffic::origin).download, taken_of_origin);
  return all == 0 || origin == 0 ? std::max(all, origin) : std::min(all, origin);
}

}  // namespace upswarm::agent
