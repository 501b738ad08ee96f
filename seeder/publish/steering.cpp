#include "seeder/publish/steering.hpp"

#include <algorithm>
#include <set>

#include "seeder/publish/plain_text.hpp"
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

struct Found {
  const Product* product = nullptr;  ///< the one of releases or of nightly builds
  trust::Entry entry;
};

Result<Found> find_release_or_nightly(const Repository& repository, const ReleaseChoice& release) {
  UPSWARM_TRY(const auto* const product, repository.product(release.product));
  auto found = find_entry(*product, release);
  if (found) return Found{product, *std::move(found)};
  const auto nightlies = repository.prereleases().find(release.product);
  if (nightlies == repository.prereleases().end()) return std::move(found).error();
  UPSWARM_TRY(auto entry, find_entry(nightlies->second, release));
  return Found{&nightlies->second, std::move(entry)};
}

/// Nightly builds answer to the floor of the releases.
trust::ReleaseCounter floor_of(const Repository& repository, const ReleaseChoice& release) {
  const auto releases = repository.products().find(release.product);
  if (releases == repository.products().end()) return {};
  return releases->second.index_of(release.channel, release.platform).floor;
}

Result<trust::ReleaseCounter> find_way_back(const Product& product, const trust::Index& index,
                                            const trust::Entry& entry, const ReleaseChoice& release,
                                            const trust::ReleaseCounter& floor, const std::string& go_back_to) {
  const auto doing = "withdraw " + release.product + " " + release.version;
  auto other = release;
  other.version = go_back_to;
  UPSWARM_TRY(const auto to, find_entry(product, other));
  if (to.counter >= entry.counter) return Error{ErrorKind::invalid, doing, to.version + " is not older"};
  if (to.counter < floor) return Error{ErrorKind::invalid, doing, to.version + " is below the floor " + floor.text()};
  if (index.withdrawal_of(to.counter) != nullptr)
    return Error{ErrorKind::invalid, doing, to.version + " is withdrawn itself"};
  return to.counter;
}

/// What the index is to say of a release. What the request leaves open stays as it was said before.
Result<trust::Withdrawal> make_withdrawal(const Product& product, const trust::Index& index, const trust::Entry& entry,
                                          const ReleaseChoice& release, const trust::ReleaseCounter& floor,
                                          const WithdrawalRequest& request) {
  const auto doing = "withdraw " + release.product + " " + release.version;
  trust::Withdrawal withdrawal{.counter = entry.counter, .go_back_to = {}, .reason = {}};
  if (const auto* const earlier = index.withdrawal_of(entry.counter)) withdrawal = *earlier;
  if (request.reason) {
    UPSWARM_CHECK(check_plain_text(doing, "the reason", *request.reason, trust::kLongestReason));
    withdrawal.reason = *request.reason;
  }
  if (request.stay && !request.go_back_to.empty())
    return Error{ErrorKind::invalid, doing, "machines cannot both stay and go back to " + request.go_back_to};
  if (request.stay) withdrawal.go_back_to.reset();
  if (request.go_back_to.empty()) return withdrawal;
  UPSWARM_TRY(withdrawal.go_back_to, find_way_back(product, index, entry, release, floor, request.go_back_to));
  return withdrawal;
}

void put_in(trust::Index& index, const trust::Withdrawal& withdrawal) {
  for (auto& earlier : index.withdrawn) {
    if (earlier.go_back_to == withdrawal.counter) earlier.go_back_to = withdrawal.go_back_to;
  }
  std::erase_if(index.withdrawn, [&](const auto& one) { return one.counter == withdrawal.counter; });
  index.withdrawn.insert(std::ranges::lower_bound(index.withdrawn, withdrawal.counter, {}, &trust::Withdrawal::counter),
                         withdrawal);
}

/// A floor must leave every machine at or above it a release to stand on: it never sinks again.
Result<void> check_ways_back(const trust::Index& index, const trust::Entry& floor) {
  const auto name = [&](const trust::ReleaseCounter& counter) {
    const auto* const named = index.find(counter);
    return named == nullptr ? counter.text() : named->version;
  };
  for (const auto& one : index.withdrawn) {
    if (one.counter < floor.counter || !one.go_back_to || *one.go_back_to >= floor.counter) continue;
    return Error{ErrorKind::invalid, "raise the floor to " + floor.version,
                 name(one.counter) + " is withdrawn and goes back to " + name(*one.go_back_to) +
                     ", which would be below the floor: withdraw it with another --back-to, or with --stay, first"};
  }
  return {};
}

Result<void> check_floor(const trust::Index& index, const trust::Entry& entry) {
  const auto doing = "raise the floor to " + entry.version;
  if (index.floor > entry.counter) {
    return Error{ErrorKind::invalid, doing,
                 "the floor is at " + index.floor.text() + ", above this release (" + entry.counter.text() +
                     "); it never sinks"};
  }
  if (index.withdrawal_of(entry.counter) != nullptr)
    return Error{ErrorKind::invalid, doing, "this release is withdrawn"};
  return check_ways_back(index, entry);
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
  UPSWARM_TRY(const auto found, find_release_or_nightly(repository, release));
  const auto& entry = found.entry;
  if (change.permille && (*change.permille < 0 || *change.permille > 1000)) {
    return Error{ErrorKind::invalid, "steer " + release.product + " " + release.version,
                 "a rollout is from 0 to 1000 permille"};
  }
  UPSWARM_CHECK(check_plain_text("steer " + release.product + " " + release.version, "the reason", change.reason,
                                 trust::kLongestReason));
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
  UPSWARM_CHECK(check_floor(index, entry));
  const auto nightlies = repository.prereleases().find(release.product);
  if (nightlies != repository.prereleases().end())
    UPSWARM_CHECK(check_ways_back(nightlies->second.index_of(release.channel, release.platform), entry));
  index.floor = entry.counter;
  UPSWARM_TRY(auto change, change_index(repository, *product, index, {}, clock));
  change.name = "floor-" + release.product + "-" + entry.counter.text();
  UPSWARM_TRY(auto outcome, sign_and_commit(files, repository, std::move(change), {}, keys));
  return std::optional(std::move(outcome));
}

Result<std::optional<WithdrawalReport>> withdraw(Files& files, Repository& repository, const ReleaseChoice& release,
                                                 const WithdrawalRequest& request, const Clock& clock, KeyRing& keys) {
  UPSWARM_TRY(const auto found, find_release_or_nightly(repository, release));
  const auto& counter = found.entry.counter;
  const auto before = found.product->index_of(release.channel, release.platform);
  auto after = before;
  WithdrawalReport report;
  if (request.undo) {
    std::erase_if(after.withdrawn, [&](const auto& one) { return one.counter == counter; });
  } else {
    UPSWARM_TRY(const auto withdrawal,
                make_withdrawal(*found.product, before, found.entry, release, floor_of(repository, release), request));
    put_in(after, withdrawal);
    if (withdrawal.go_back_to) report.go_back_to = after.find(*withdrawal.go_back_to)->version;
  }
  if (to_json(after) == to_json(before)) return std::optional<WithdrawalReport>();
  UPSWARM_TRY(auto change, change_index(repository, *found.product, after, {}, clock));
  change.name = (request.undo ? "restore-" : "withdraw-") + release.product + "-" + counter.text();
  UPSWARM_TRY(report.signed_as, sign_and_commit(files, repository, std::move(change), {}, keys));
  return std::optional(std::move(report));
}

}  // namespace upswarm::publish
