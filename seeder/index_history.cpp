#include "seeder/index_history.hpp"

#include <algorithm>
#include <map>

namespace upswarm::seeder {
namespace {

Error refused(const trust::Index& index, std::string why, const char* reason) {
  return {ErrorKind::untrusted, "check " + trust::index_path(index.product, index.channel, index.platform),
          std::move(why), reason};
}

Result<void> check_epochs(const trust::Index& index, std::int64_t epoch) {
  const auto allowed = ", but its role may use none above " + std::to_string(epoch);
  if (index.floor.epoch > epoch) return refused(index, "the floor is " + index.floor.text() + allowed, "epoch");
  // Counters rise: the last has the highest epoch.
  if (index.entries.empty() || index.entries.back().counter.epoch <= epoch) return {};
  return refused(index,
                 index.entries.back().version + " has the counter " + index.entries.back().counter.text() + allowed,
                 "epoch");
}

}  // namespace

Result<void> check_succession(const trust::Index* before, const trust::Index& after, std::int64_t epoch) {
  UPSWARM_CHECK(check_epochs(after, epoch));
  if (before == nullptr) return {};
  if (after.floor < before->floor) {
    return refused(after, "the floor sinks from " + before->floor.text() + " to " + after.floor.text(), "floor");
  }
  if (before->entries.empty()) return {};
  const auto& newest = before->entries.back();
  for (const auto& entry : after.entries) {
    if (entry.counter > newest.counter) break;
    const auto old = std::ranges::find(before->entries, entry.counter, &trust::Entry::counter);
    if (old == before->entries.end()) {
      return refused(
          after,
          entry.version + " is new, but its counter " + entry.counter.text() + " is not above " + newest.counter.text(),
          "counter");
    }
    if (old->digest() != entry.digest()) {
      return refused(after, "the entry " + entry.counter.text() + " is another one than before", "entry");
    }
  }
  if (!after.entries.empty() && after.entries.back().counter >= newest.counter) return {};
  return refused(
      after,
      "the newest release " + newest.version + " (" + newest.counter.text() + ") vanishes, and nothing newer comes",
      "counter");
}

Result<void> check_counters(const std::vector<trust::Index>& indexes) {
  std::map<std::pair<std::string, trust::ReleaseCounter>, const trust::Entry*> seen;
  for (const auto& index : indexes) {
    for (const auto& entry : index.entries) {
      const auto* other = seen.try_emplace({index.platform, entry.counter}, &entry).first->second;
      if (other->version == entry.version && other->content == entry.content) continue;
      return refused(index,
                     "the counter " + entry.counter.text() + " is that of " + other->version +
                         " in another channel, and of " + entry.version + " here",
                     "counter");
    }
  }
  return {};
}

}  // namespace upswarm::seeder
