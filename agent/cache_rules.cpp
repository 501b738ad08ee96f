#include "agent/cache_rules.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

/// Parts of a package lie in a file with holes.
Bytes size_on_disk(const CachedDownload& one) {
  const auto& bytes = one.bytes;
  const auto came = bytes.disk + bytes.site + bytes.other + bytes.origin_bt + bytes.origin_http;
  return one.is_whole() ? one.request.file.length : std::min(came, one.request.file.length);
}

}  // namespace

std::vector<Sha256> choose_dropped(std::vector<CachedDownload> downloads, const CacheRules& rules, Time now) {
  Bytes all;
  for (const auto& one : downloads) all += size_on_disk(one);
  std::erase_if(downloads, [](const CachedDownload& one) { return !one.idle_since; });
  std::ranges::stable_sort(downloads, {}, [](const CachedDownload& one) { return *one.idle_since; });
  std::vector<Sha256> dropped;
  for (const auto& one : downloads) {
    const bool is_old = now - *one.idle_since >= rules.age;
    const bool is_too_much = rules.size > 0_B && all > rules.size;
    if (one.complete && !is_old && !is_too_much) continue;
    dropped.push_back(one.request.file.sha256);
    all -= size_on_disk(one);
  }
  return dropped;
}

}  // namespace upswarm::agent
