// How long packages that no release on this machine needs any more are kept for neighbours.
#pragma once

#include <chrono>
#include <set>
#include <vector>

#include "agent/state_store.hpp"

namespace upswarm::agent {

struct CacheRules {
  std::chrono::milliseconds age{std::chrono::hours(24 * 7)};  ///< after it was needed last; 0: dropped at once
  Bytes size = 10_GiB;                                        ///< of all packages together; 0: no limit
};

/// Which packages to drop, in the order of their age. What is needed is never among them, whatever its size: what is
/// wanted, what runs, and what a rollback goes to. Of the rest go those that never were complete or are too old, and
/// then the oldest until all that stay fit. Pure.
std::vector<Sha256> choose_dropped(std::vector<CachedDownload> downloads, const CacheRules& rules, Time now);

}  // namespace upswarm::agent
