#include "seeder/rollouts.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "protocol/base/log.hpp"

namespace upswarm::seeder {
namespace {

const trust::Entry* find_entry(const trust::Index& index, const trust::RolloutItem& item) {
  const auto* entry = index.find(item.counter);
  return entry != nullptr && entry->digest() == item.entry ? entry : nullptr;
}

bool is_same(const trust::RolloutItem& a, const trust::RolloutItem& b) {
  return is_for_same(a, b) && a.permille == b.permille && a.paused == b.paused && a.reason == b.reason &&
         a.rings == b.rings;
}

Result<std::string> fetch_checked(trust::RepositorySource& source, const std::string& path,
                                  const trust::TargetFile& file) {
  const trust::TrustedTarget target{path, file, ""};
  UPSWARM_TRY(auto bytes, source.target(target.consistent_name(), file.length));
  if (sha256(bytes) != file.sha256)
    return Error{ErrorKind::corrupt, "read " + path, "its digest is not the signed one"};
  return bytes;
}

}  // namespace

Result<Rollouts> read_rollouts(const RoleFile& role, trust::RepositorySource& source) {
  Rollouts rollouts;
  for (const auto& [path, file] : role.content.targets) {
    UPSWARM_TRY(const auto bytes, fetch_checked(source, path, file));
    UPSWARM_TRY(rollouts[path], trust::parse_rollout(bytes, path));
  }
  return rollouts;
}

bool is_for_same(const trust::RolloutItem& a, const trust::RolloutItem& b) {
  return a.counter == b.counter && a.entry == b.entry;
}

const trust::Entry* FilteredIndexes::find(const trust::RolloutItem& item) const {
  const auto* release = releases ? find_entry(*releases, item) : nullptr;
  return release == nullptr && nightlies ? find_entry(*nightlies, item) : release;
}

const trust::Withdrawal* FilteredIndexes::withdrawal_of(const trust::RolloutItem& item) const {
  if (releases && find_entry(*releases, item) != nullptr) return releases->withdrawal_of(item.counter);
  if (nightlies && find_entry(*nightlies, item) != nullptr) return nightlies->withdrawal_of(item.counter);
  return nullptr;
}

namespace {

/// Nothing when no role lists it, or it was lost: that of nightly builds must not hold releases up.
Result<std::optional<trust::Index>> read_index(const RepositoryView& view, trust::RepositorySource& source,
                                               const std::string& path) {
  const auto* file = view.find(path);
  if (file == nullptr) return std::optional<trust::Index>();
  if (file->length > trust::kLongestIndex) return Error{ErrorKind::corrupt, "read " + path, "too long", "too_long"};
  const auto bytes = fetch_checked(source, path, *file);
  if (!bytes && bytes.error().kind == ErrorKind::not_found) return std::optional<trust::Index>();
  UPSWARM_CHECK(bytes);
  UPSWARM_TRY(auto index, trust::parse_index(*bytes, path));
  return std::optional(std::move(index));
}

}  // namespace

Result<FilteredIndexes> read_indexes(const RepositoryView& view, trust::RepositorySource& source,
                                     const std::string& product, const std::string& channel,
                                     const std::string& platform) {
  FilteredIndexes indexes;
  UPSWARM_TRY(indexes.releases, read_index(view, source, trust::index_path(product, channel, platform)));
  UPSWARM_TRY(indexes.nightlies, read_index(view, source, trust::preindex_path(product, channel, platform)));
  if (indexes.releases || indexes.nightlies) return indexes;
  return Error{ErrorKind::not_found, "read " + trust::index_path(product, channel, platform), "there is none"};
}

bool drop_withdrawn(trust::Rollout& rollout, const FilteredIndexes& indexes) {
  return std::erase_if(rollout.items, [&](const auto& item) { return indexes.withdrawal_of(item) != nullptr; }) > 0;
}

Result<void> check_stands(const FilteredIndexes& indexes, const trust::RolloutItem& item, const std::string& what) {
  const auto* withdrawal = indexes.withdrawal_of(item);
  if (withdrawal == nullptr) return {};
  return Error{ErrorKind::untrusted, what,
               "it is withdrawn" + (withdrawal->reason.empty() ? "" : " (" + withdrawal->reason + ")") +
                   ": `upswarm-publish withdraw --undo` makes it stand again",
               "withdrawn"};
}

namespace {

bool is_too_long(const trust::Rollout& rollout) {
  return rollout.items.size() > trust::kMostEntries ||
         Bytes{upswarm::to_text(trust::to_json(rollout)).size()} > trust::kLongestRollout;
}

/// Which item counts least, lowest first.
using Worth = std::tuple<bool, bool, trust::ReleaseCounter>;

/// Until clients take it; `kept` stays.
void shorten(trust::Rollout& rollout, const trust::RolloutItem& kept, const FilteredIndexes& indexes) {
  const auto& floor = (indexes.releases ? indexes.releases : indexes.nightlies)->floor;
  const auto is_release = [&indexes](const trust::RolloutItem& item) {
    return indexes.releases && find_entry(*indexes.releases, item) != nullptr;
  };
  const auto worth = [&](const trust::RolloutItem& item) {
    return Worth{item.counter >= floor, is_release(item), item.counter};
  };
  while (is_too_long(rollout)) {
    auto least = rollout.items.end();
    for (auto item = rollout.items.begin(); item != rollout.items.end(); ++item) {
      if (is_for_same(*item, kept)) continue;
      if (least == rollout.items.end() || worth(*item) < worth(*least)) least = item;
    }
    if (least == rollout.items.end()) return;
    log::warning("a rollout was too long: the filter of an old release is dropped, which holds it",
                 {{"product", rollout.product},
                  {"channel", rollout.channel},
                  {"platform", rollout.platform},
                  {"counter", least->counter.text()}});
    rollout.items.erase(least);
  }
}

}  // namespace

Result<bool> apply_wish(Rollouts& rollouts, const RolloutWish& wish, const FilteredIndexes& indexes,
                        Steering steering) {
  const auto path = trust::rollout_path(wish.product, wish.channel, wish.platform);
  const auto what = "set the rollout of " + path + ", release " + wish.item.counter.text();
  const auto refused = [&what](const char* why, const char* reason) {
    return Error{ErrorKind::untrusted, what, why, reason};
  };
  if (indexes.find(wish.item) == nullptr) {
    return refused("the signed index has no such release with this digest", "entry");
  }
  UPSWARM_CHECK(check_stands(indexes, wish.item, what));
  auto& rollout = rollouts[path];
  const auto before = rollout.items;
  rollout.product = wish.product;
  rollout.channel = wish.channel;
  rollout.platform = wish.platform;
  const auto is_its = [&wish](const trust::RolloutItem& item) { return is_for_same(item, wish.item); };
  const auto old = std::ranges::find_if(rollout.items, is_its);
  if (old != rollout.items.end() && steering == Steering::first_filter && !is_same(*old, wish.item)) {
    return refused("this release has a filter already; changing it needs the scope rollout", "scope");
  }
  std::erase_if(rollout.items, [&](const auto& item) { return is_its(item) || indexes.find(item) == nullptr; });
  rollout.items.push_back(wish.item);
  std::ranges::sort(rollout.items, {}, [](const auto& item) { return std::pair(item.counter, item.entry); });
  shorten(rollout, wish.item, indexes);
  return !std::ranges::equal(before, rollout.items, is_same);
}

}  // namespace upswarm::seeder
