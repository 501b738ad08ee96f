#include "seeder/rollout_change.hpp"

#include <algorithm>

#include "protocol/base/hex.hpp"
#include "seeder/rollouts.hpp"

namespace upswarm::seeder {
namespace {

const trust::Entry* find_version(const std::optional<trust::Index>& index, const std::string& version) {
  if (!index) return nullptr;
  const auto found = std::ranges::find(index->entries, version, &trust::Entry::version);
  return found == index->entries.end() ? nullptr : &*found;
}

}  // namespace

Result<std::optional<RolloutWish>> make_wish(Files& files, const SeederFolder& folder, const RolloutChange& change) {
  for (const auto& name : {change.product, change.channel, change.platform}) UPSWARM_CHECK(trust::parse_name(name));
  UPSWARM_TRY(const auto view, read_repository(files, folder.metadata()));
  FolderSource source(files, {folder.repository()});
  UPSWARM_TRY(const auto indexes, read_indexes(view, source, change.product, change.channel, change.platform));
  // A release first: whoever has the key of nightly builds must not have his own rolled out in its place.
  const auto* entry = find_version(indexes.releases, change.version);
  if (entry == nullptr) entry = find_version(indexes.nightlies, change.version);
  if (entry == nullptr) {
    return Error{ErrorKind::not_found, "find the release " + change.version + " of " + change.product,
                 "the signed index has none"};
  }
  const trust::RolloutItem fresh{
      .counter = entry->counter, .entry = entry->digest(), .permille = 0, .paused = false, .reason = ""};
  UPSWARM_CHECK(check_stands(indexes, fresh, "roll " + change.product + " " + change.version + " out"));
  auto item = fresh;
  bool is_there = false;
  if (const auto role = view.roles.find("rollout"); role != view.roles.end()) {
    UPSWARM_TRY(auto rollouts, read_rollouts(role->second, source));
    const auto& items = rollouts[trust::rollout_path(change.product, change.channel, change.platform)].items;
    const auto old = std::ranges::find_if(items, [&fresh](const auto& one) { return is_for_same(one, fresh); });
    is_there = old != items.end();
    if (is_there) item = *old;
  }
  const auto before = item;
  if (change.permille) item.permille = *change.permille;
  if (change.paused) item.paused = *change.paused;
  if (!change.reason.empty() || change.paused) item.reason = change.reason;
  if (change.rings) item.rings = *change.rings;
  for (const auto& ring : item.rings) UPSWARM_CHECK(trust::parse_name(ring));
  if (is_there && before.permille == item.permille && before.paused == item.paused && before.reason == item.reason &&
      before.rings == item.rings) {
    return std::optional<RolloutWish>();
  }
  return std::optional(RolloutWish{change.product, change.channel, change.platform, std::move(item)});
}

Result<std::string> drop_wish(Files& files, const SeederFolder& folder, const RolloutWish& wish) {
  const auto name = "rollout-" + wish.product + "-" + to_hex(random_bytes(6));
  const Path part = folder.incoming() / (name + ".part");
  UPSWARM_CHECK(make_folders(files, part));
  UPSWARM_CHECK(write_file_atomically(files, part / "bundle.json", write_bundle({{wish}})));
  UPSWARM_CHECK(files.rename(part, folder.incoming() / name));
  UPSWARM_CHECK(files.sync_folder(folder.incoming()));
  return name;
}

}  // namespace upswarm::seeder
