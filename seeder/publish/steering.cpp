#include "seeder/publish/steering.hpp"

#include <algorithm>
#include <set>

#include "seeder/publish/release.hpp"

namespace upswarm::publish {
namespace {

std::string what_of(const ReleaseChoice& release) {
  return "find " + release.product + " " + release.version + " in " + release.channel + " for " + release.platform;
}

Result<trust::Entry> find_entry(const Product& product, const ReleaseChoice& release) {
  const auto index = product.index_of(release.channel, release.platform);
  const auto found = std::ranges::find(index.entries, release.version, &trust::Entry::version);
  if (found == index.entries.end()) return Error{ErrorKind::not_found, what_of(release), "there is no such release"};
  return *found;
}

Result<trust::Entry> find_release_or_nightly(const Repository& repository, const Product& product,
                                             const ReleaseChoice& release) {
  auto found = find_entry(product, release);
  const auto nightlies = repository.prereleases().find(release.product);
  if (found || nightlies == repository.prereleases().end()) return found;
  return find_entry(nightlies->second, release);
}

/// As clients want them: names, each once.
Result<std::vector<std::string>> read_rings(const std::vector<std::string>& named) {
  const std::set<std::string> rings(named.begin(), named.end());
  for (const auto& ring : rings) UPSWARM_CHECK(trust::parse_name(ring));
  if (rings.size() <= trust::kMostRings) return std::vector<std::string>(rings.begin(), rings.end());
  return Error{ErrorKind::invalid, "steer a rollout", "there can be " + std::to_string(trust::kMostRings) + " rings"};
}

}  // namespace

Result<std::string> steer_rollout(Repository& repository, const ReleaseChoice& release, const RolloutChange& change) {
  UPSWARM_TRY(const auto* product, repository.product(release.product));
  UPSWARM_TRY(const auto entry, find_release_or_nightly(repository, *product, release));
  if (change.permille && (*change.permille < 0 || *change.permille > 1000)) {
    return Error{ErrorKind::invalid, "steer " + release.product + " " + release.version,
                 "a rollout is from 0 to 1000 permille"};
  }
  UPSWARM_TRY(const auto last, repository.last_wish(release.product, release.channel, release.platform, entry.counter));
  trust::RolloutItem item{
      .counter = entry.counter, .entry = entry.digest(), .permille = 0, .paused = false, .reason = change.reason};
  if (last) item = {entry.counter, entry.digest(), last->item.permille, last->item.paused, change.reason};
  if (last) item.rings = last->item.rings;
  if (change.permille) item.permille = *change.permille;
  else if (!last && !change.paused.value_or(false)) {
    return Error{ErrorKind::invalid, "steer " + release.product + " " + release.version,
                 "no rollout was asked for here yet: say --permille, too"};
  }
  if (change.paused) item.paused = *change.paused;
  if (change.rings) {
    UPSWARM_TRY(item.rings, read_rings(*change.rings));
  }
  Change wish;
  wish.bundle.name = "rollout-" + release.product + "-" + entry.counter.text() + "-" + std::to_string(item.permille) +
                     (item.paused ? "-paused" : "");
  wish.bundle.rollouts.push_back({release.product, release.channel, release.platform, item});
  return repository.commit(wish);
}

Result<std::optional<Signed>> raise_floor(Files& files, Repository& repository, const ReleaseChoice& release,
                                          const Clock& clock, KeyRing& keys) {
  UPSWARM_TRY(const auto* product, repository.product(release.product));
  UPSWARM_TRY(const auto entry, find_entry(*product, release));
  auto index = product->index_of(release.channel, release.platform);
  if (index.floor == entry.counter) return std::optional<Signed>();
  if (index.floor > entry.counter) {
    return Error{ErrorKind::invalid, "raise the floor to " + release.version,
                 "the floor is at " + index.floor.text() + ", above this release (" + entry.counter.text() +
                     "); it never sinks"};
  }
  index.floor = entry.counter;
  UPSWARM_TRY(auto change, change_index(repository, *product, index, {}, clock));
  change.name = "floor-" + release.product + "-" + entry.counter.text();
  UPSWARM_TRY(auto outcome, sign_and_commit(files, repository, std::move(change), {}, keys));
  return std::optional(std::move(outcome));
}

}  // namespace upswarm::publish
