#include "seeder/index_history.hpp"

#include <algorithm>
#include <map>

#include "protocol/base/log.hpp"

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

namespace {

/// Who uses a counter.
struct Use {
  const CurrentIndex* in;
  const trust::Entry* entry;
  bool is_new;
};

std::string path_of(const CurrentIndex& in) {
  const auto& index = in.index;
  return in.is_nightly ? trust::preindex_path(index.product, index.channel, index.platform)
                       : trust::index_path(index.product, index.channel, index.platform);
}

std::string describe(const Use& use) { return use.entry->version + " in " + path_of(*use.in); }

Result<void> check_uses(const Use& a, const Use& b) {
  if (a.entry->version == b.entry->version && a.entry->content == b.entry->content) return {};
  if (!a.is_new && !b.is_new) return {};
  const auto& newer = a.is_new ? a : b;
  const auto& older = a.is_new ? b : a;
  if (a.in->is_nightly != b.in->is_nightly && (a.in->is_nightly ? b : a).is_new) {
    log::warning("a release has the counter of a nightly build",
                 {{"counter", a.entry->counter.text()}, {"one", describe(older)}, {"other", describe(newer)}});
    return {};
  }
  return Error{ErrorKind::untrusted, "check " + path_of(*newer.in),
               "the counter " + a.entry->counter.text() + " is that of " + describe(older) + " and of " +
                   describe(newer) +
                   (newer.in->is_nightly ? "; withdraw the nightly build, or make it anew from what is published" : ""),
               "counter"};
}

}  // namespace

Result<void> check_counters(const std::vector<CurrentIndex>& indexes) {
  std::map<std::pair<std::string, trust::ReleaseCounter>, std::vector<Use>> seen;
  for (const auto& current : indexes) {
    for (const auto& entry : current.index.entries) {
      // What is withdrawn there goes to nobody: the way out for a nightly build that took the counter of a release.
      if (current.is_nightly && current.index.withdrawal_of(entry.counter) != nullptr) continue;
      const bool is_new = !current.before || current.before->find(entry.counter) == nullptr;
      const Use use{&current, &entry, is_new};
      auto& others = seen[{current.index.platform, entry.counter}];
      for (const auto& other : others) UPSWARM_CHECK(check_uses(other, use));
      others.push_back(use);
    }
  }
  return {};
}

}  // namespace upswarm::seeder
