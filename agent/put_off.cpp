#include "agent/put_off.hpp"

#include <algorithm>

namespace upswarm::agent {

std::optional<Time> latest_put_off(const trust::Entry& entry, Time first_seen) {
  if (entry.urgent || entry.max_defer_days <= 0) return std::nullopt;
  const std::chrono::days most(std::min<std::int64_t>(entry.max_defer_days, kLongestDeferral.count()));
  return first_seen + most;
}

std::optional<PutOff> is_put_off(const trust::Entry& entry, const UserWish& wish, Time first_seen, Time now) {
  const auto latest = latest_put_off(entry, first_seen);
  if (!latest) return std::nullopt;
  if (wish.skipped == entry.version) return PutOff{std::nullopt, "skipped by a user until there is a newer release"};
  if (!wish.deferred_until) return std::nullopt;
  const auto until = std::min(*wish.deferred_until, *latest);
  if (now >= until) return std::nullopt;
  return PutOff{until, "put off by a user until " + to_string(until)};
}

}  // namespace upswarm::agent
