#include "seeder/rollouts.hpp"

#include <algorithm>

namespace upswarm::seeder {
namespace {

const trust::Entry* find_entry(const trust::Index& index, const trust::ReleaseCounter& counter) {
  const auto found = std::ranges::find(index.entries, counter, &trust::Entry::counter);
  return found == index.entries.end() ? nullptr : &*found;
}

bool is_same(const trust::RolloutItem& a, const trust::RolloutItem& b) {
  return a.counter == b.counter && a.entry == b.entry && a.permille == b.permille && a.paused == b.paused &&
         a.reason == b.reason && a.rings == b.rings;
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

namespace {

Result<trust::Index> read_one(const RepositoryView& view, trust::RepositorySource& source, const std::string& path) {
  const auto* file = view.find(path);
  if (file == nullptr) return Error{ErrorKind::not_found, "read " + path, "no signed role lists it"};
  if (file->length > trust::kLongestIndex) return Error{ErrorKind::corrupt, "read " + path, "too long", "too_long"};
  UPSWARM_TRY(const auto bytes, fetch_checked(source, path, *file));
  return trust::parse_index(bytes, path);
}

}  // namespace

Result<trust::Index> read_index(const RepositoryView& view, trust::RepositorySource& source, const std::string& product,
                                const std::string& channel, const std::string& platform) {
  auto releases = read_one(view, source, trust::index_path(product, channel, platform));
  if (!releases && releases.error().kind != ErrorKind::not_found) return releases;
  auto nightlies = read_one(view, source, trust::preindex_path(product, channel, platform));
  if (!nightlies) return nightlies.error().kind == ErrorKind::not_found ? std::move(releases) : std::move(nightlies);
  if (!releases) return nightlies;
  for (auto& entry : nightlies->entries) releases->entries.push_back(std::move(entry));
  std::ranges::sort(releases->entries, {}, &trust::Entry::counter);
  return releases;
}

Result<bool> apply_wish(Rollouts& rollouts, const RolloutWish& wish, const trust::Index& index, Steering steering) {
  const auto path = trust::rollout_path(wish.product, wish.channel, wish.platform);
  const auto refused = [&](const char* why, const char* reason) {
    return Error{ErrorKind::untrusted, "set the rollout of " + path + ", release " + wish.item.counter.text(), why,
                 reason};
  };
  const auto* entry = find_entry(index, wish.item.counter);
  if (entry == nullptr || entry->digest() != wish.item.entry) {
    return refused("the signed index has no such release with this digest", "entry");
  }
  auto& rollout = rollouts[path];
  const auto before = rollout.items;
  rollout.product = wish.product;
  rollout.channel = wish.channel;
  rollout.platform = wish.platform;
  const auto old = std::ranges::find(rollout.items, wish.item.counter, &trust::RolloutItem::counter);
  if (old != rollout.items.end() && steering == Steering::first_filter && !is_same(*old, wish.item)) {
    return refused("this release has a filter already; changing it needs the scope rollout", "scope");
  }
  std::erase_if(rollout.items, [&](const auto& item) {
    return item.counter == wish.item.counter || find_entry(index, item.counter) == nullptr;
  });
  rollout.items.push_back(wish.item);
  std::ranges::sort(rollout.items, {}, &trust::RolloutItem::counter);
  return !std::ranges::equal(before, rollout.items, is_same);
}

}  // namespace upswarm::seeder
