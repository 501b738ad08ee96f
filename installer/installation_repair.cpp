// Of Installation: whether what runs is what was signed, and making it so again.
#include <algorithm>

#include "installer/installation.hpp"
#include "installer/mending.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {

namespace {

/// What a repair without being asked for mends; the first of it.
std::vector<std::string> paths_of(const Survey& found) {
  std::vector<std::string> paths;
  if (!found.link.empty()) paths.emplace_back("current");
  for (const auto& one : found.found)
    if (one.kind != messages::DamageKind::extra && paths.size() < kMostMended) paths.push_back(one.path);
  return paths;
}

}  // namespace

struct Installation::Repair {
  trust::Entry entry;
  package::Tree tree;
  Survey found;
};

Result<Survey> Installation::survey(const package::ProgressSink& progress, const std::stop_token& stop) {
  UPSWARM_TRY(const auto record, records_.load(product_.product));
  use_layout(record, nullptr);
  const auto* const entry = entry_of(record, record.current);
  if (entry == nullptr) return Error{ErrorKind::not_found, "verify " + product_.product, "nothing is installed"};
  const auto look = [&]() -> Result<Survey> {
    const auto tree = load_tree(entry->content);
    if (tree) return survey_tree(files_, layout_->folder_of(entry->version), *tree, progress, stop);
    log::error("the list of an installed tree is gone", {{"product", record.product}, {"why", tree.error().message()}});
    Survey lost;
    lost.is_list_lost = lost.needs_package = true;
    return lost;
  };
  UPSWARM_TRY(auto found, look());
  UPSWARM_TRY(found.link, wrong_link(record));
  return found;
}

Result<messages::Presence> Installation::present(const std::vector<Sha256>& contents, const std::stop_token& stop) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  use_layout(record, nullptr);
  messages::Presence presence;
  for (const auto& content : contents) {
    const auto found =
        std::ranges::find_if(record.releases, [&](const auto& one) { return one.entry.content == content; });
    if (found == record.releases.end()) continue;
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "verify what is on disk", "stopped"};
    const auto verify = [&]() -> Result<void> {
      UPSWARM_TRY(const auto tree, load_tree(content));
      return package::verify_tree(files_, layout_->folder_of(found->entry.version), tree, stop);
    };
    const auto whole = verify();
    if (!whole && whole.error().kind == ErrorKind::cancelled) return whole.error();
    if (whole) {
      presence.present.push_back(content);
      continue;
    }
    presence.damaged.push_back({content, found->entry.version + " on disk is damaged: " + whole.error().message()});
    if (found->entry.version == record.current) note_damage(record, whole.error());
  }
  return presence;
}

/// What is wrong with what `current` names; empty: nothing. Of the installer itself it is never wrong: an administrator
/// who points it at another release must be able to rely on that, whatever the one that he left thinks of it.
Result<std::string> Installation::wrong_link(const ProductRecord& record) {
  if (record.current.empty() || self_ != nullptr) return std::string();
  return layout_->what_is_wrong(record.current);
}

void Installation::mark_damaged(ProductRecord& record, std::string found, bool needs_package, bool is_asked) {
  record.mark_damaged(std::move(found), needs_package, is_asked, clock_.now());
  if (record.damage && !record.damage->is_asked && !product_.repairs_itself) record.damage->is_held = true;
}

Result<void> Installation::note_survey(const Survey& found, bool is_asked) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  if (!found.is_whole()) {
    log::error("what is installed is damaged",
               {{"product", record.product}, {"version", record.current}, {"damage", found.words()}});
  }
  if (found.is_whole() || (!is_asked && !found.wants_repair(false))) {
    if (record.owed.empty()) record.damage.reset();
    record.checked = clock_.now();
  } else {
    mark_damaged(record, found.words(), found.needs_package, is_asked);
    hold_what_comes_back(record, found);
  }
  return records_.save(record);
}

/// What is damaged a third time is so by somebody, or by the product itself: services are not stopped for it for ever.
void Installation::hold_what_comes_back(ProductRecord& record, const Survey& found) {
  if (!record.damage || record.damage->is_asked || record.damage->is_held) return;
  const auto paths = paths_of(found);
  const auto again =
      std::ranges::find_if(paths, [&](const auto& path) { return record.is_mended_often(path, clock_.now()); });
  if (again == paths.end()) return;
  record.damage->is_held = true;
  log::error("damaged again after two repairs: `upswarm repair` is waited for",
             {{"product", record.product}, {"file", *again}});
}

/// Somebody changed the link. It is put right by a repair, which verifies what it then names.
Result<void> Installation::note_wrong_link(ProductRecord& record, const std::string& wrong) {
  log::error("`current` is not what was installed",
             {{"product", record.product}, {"installed", record.current}, {"current", wrong}});
  mark_damaged(record, "current (" + wrong + ")", false, false);
  return records_.save(record);
}

void Installation::note_damage(ProductRecord& record, const Error& why) {
  // That is nothing to repair without being asked for.
  if (why.reason == "extra") return;
  mark_damaged(record, why.message(), true, false);
  if (const auto saved = records_.save(record); !saved)
    log::warning("damage is not noted", {{"product", record.product}, {"error", saved.error().message()}});
}

Result<messages::MissingParts> Installation::damaged(std::unique_ptr<InputFile> part, bool with_frames,
                                                     const package::ProgressSink& progress,
                                                     const std::stop_token& stop) {
  UPSWARM_TRY(const auto record, records_.load(product_.product));
  const auto* const entry = entry_of(record, record.current);
  if (entry == nullptr) return Error{ErrorKind::not_found, "look for damage", "nothing is installed"};
  return missing(*entry, std::move(part), with_frames, progress, stop);
}

Result<std::optional<messages::Outcome>> Installation::repair(std::unique_ptr<InputFile> part,
                                                              const package::ProgressSink& progress,
                                                              std::stop_token stop) {
  auto done = try_repair(std::move(part), progress, stop);
  if (done || done.error().kind == ErrorKind::cancelled) return done;
  // Else every byte would be read again at once.
  auto record = records_.load(product_.product);
  if (!record || record->journal || !record->damage) return done;
  record->note_failed_repair(clock_.now());
  ignore_failure(records_.save(*record), "the error that led here is the one to report");
  return done;
}

Result<std::optional<messages::Outcome>> Installation::try_repair(std::unique_ptr<InputFile> part,
                                                                  const package::ProgressSink& progress,
                                                                  const std::stop_token& stop) {
  using Nothing = std::optional<messages::Outcome>;
  UPSWARM_TRY(auto record, records_.load(product_.product));
  const auto* const here = entry_of(record, record.current);
  if (here == nullptr) return Error{ErrorKind::not_found, "repair " + product_.product, "nothing is installed"};
  const auto entry = *here;
  if (!part) {
    UPSWARM_TRY(const auto found, survey(progress, stop));
    const bool is_asked = record.damage && record.damage->is_asked;
    const bool is_right = found.is_whole() || (!is_asked && !found.wants_repair(false));
    const bool is_done = is_right && record.owed.empty();
    if (is_done) {
      record.damage.reset();
      record.checked = clock_.now();
    } else if (found.needs_package) {
      mark_damaged(record, found.words(), true, false);
      hold_what_comes_back(record, found);
    }
    if (is_done || found.needs_package) {
      UPSWARM_CHECK(records_.save(record));
      return Nothing();
    }
  }
  UPSWARM_TRY(record, begin(entry, "repair"));
  const auto prepared = prepare_repair(entry, std::move(part), progress, stop);
  const auto done = prepared ? carry_out(*prepared, record, progress, stop) : Result<void>(prepared.error());
  if (!done && done.error().kind == ErrorKind::cancelled) return stopped_by(done.error(), record);
  if (done && !(record.damage && record.damage->is_asked)) record.note_mended(paths_of(prepared->found), clock_.now());
  UPSWARM_TRY(auto outcome, done ? end_repair(record, "completed", prepared->found.words())
                                 : end_repair(record, "failed", done.error().message()));
  return Nothing(std::move(outcome));
}

/// Nothing outside of staging is touched.
Result<Installation::Repair> Installation::prepare_repair(const trust::Entry& entry, std::unique_ptr<InputFile> part,
                                                          const package::ProgressSink& progress,
                                                          const std::stop_token& stop) {
  UPSWARM_CHECK(layout_->prepare());
  UPSWARM_CHECK(layout_->drop_unfinished());
  const auto folder = layout_->folder_of(entry.version);
  std::optional<SparsePackage> package;
  Repair repair{.entry = entry, .tree = {}, .found = {}};
  if (part) {
    UPSWARM_TRY(package, SparsePackage::open(files_, std::move(part), entry, {folder}, progress, stop));
    repair.tree = package->tree();
    UPSWARM_CHECK(save_tree(repair.tree));
  } else {
    UPSWARM_TRY(repair.tree, load_tree(entry.content));
  }
  UPSWARM_TRY(repair.found, survey_tree(files_, folder, repair.tree, progress, stop));
  UPSWARM_TRY(const auto record, records_.load(product_.product));
  UPSWARM_TRY(repair.found.link, wrong_link(record));
  const auto wanted = to_unpack(repair.found, repair.tree);
  if (wanted.empty()) return repair;
  if (!package) return Error{ErrorKind::busy, "repair " + product_.product, "it was altered meanwhile"};
  Bytes needed;
  for (std::size_t i = 0; i < wanted.size(); ++i) needed += wanted[i] ? repair.tree.entries[i].size : 0_B;
  UPSWARM_CHECK(check_space(needed));
  UPSWARM_CHECK(package->unpack(layout_->staging(), progress, stop, {.only = &wanted}));
  return repair;
}

/// From the first service that stops to the last that starts again there is nothing but renames and their sync.
Result<void> Installation::carry_out(const Repair& repair, ProductRecord& record, const package::ProgressSink& progress,
                                     const std::stop_token& stop) {
  const bool is_asked = record.damage && record.damage->is_asked;
  if (!repair.found.wants_repair(is_asked) && record.owed.empty()) return {};
  hold_what_comes_back(record, repair.found);
  if (record.damage && record.damage->is_held) {
    return Error{ErrorKind::denied, "repair " + record.product,
                 "the same was damaged again after two repairs; run: upswarm repair " + record.product, "held"};
  }
  log::warning("repairing",
               {{"product", record.product}, {"version", repair.entry.version}, {"damage", repair.found.words()}});
  const bool is_under = repair.found.is_under_services();
  std::vector<std::string> ran;
  if (is_under) {
    UPSWARM_TRY(ran, runner_.running_services(repair.entry.services, stop));
  }
  for (const auto& service : record.owed) {
    const auto& all = repair.entry.services;
    if (std::ranges::find(all, service) != all.end() && std::ranges::find(ran, service) == ran.end())
      ran.push_back(service);
  }
  if (is_under || !record.owed.empty()) record.journal->ran = ran;
  if (stop.stop_requested()) return Error{ErrorKind::cancelled, "repair " + record.product, "stopped"};
  UPSWARM_CHECK(write_phase(record, Phase::repairing));
  if (progress) progress({"repairing", {}, {}});
  // From here on a stop of the installer waits: services would be down until its next start.
  if (is_under) UPSWARM_CHECK(runner_.stop_services(ran, {}));
  const auto folder = layout_->folder_of(repair.entry.version);
  UPSWARM_CHECK(mend_tree(files_, folder, repair.tree, repair.found, layout_->staging(), is_asked));
  return self_ != nullptr ? Result<void>() : layout_->mend_current(repair.entry.version);
}

/// Services run again before anything is said of it. What failed leaves the mark, and is waited for.
Result<messages::Outcome> Installation::end_repair(ProductRecord& record, std::string result, std::string reason) {
  const bool is_bounce = result == "failed" && record.journal->phase == Phase::repairing;
  if (const auto& ran = record.journal->ran) {
    record.owed.clear();
    if (const auto started = runner_.start_services(*ran, {}); !started) {
      record.owed = *ran;
      // What was mended needs no package again: only services are to start.
      if (result == "completed") mark_damaged(record, started.error().message(), false, false);
      result = "failed";
      reason += "; then: " + started.error().message();
    }
  }
  const auto now = clock_.now();
  if (result == "completed") {
    record.damage.reset();
    record.checked = now;
    log::info("repaired", {{"product", record.product}, {"version", record.current}, {"damage", reason}});
  } else {
    if (!record.damage) mark_damaged(record, reason, true, false);
    record.note_failed_repair(now, is_bounce);
    log::error("not repaired", {{"product", record.product}, {"version", record.current}, {"why", reason}});
  }
  UPSWARM_TRY(const auto outcome, add_outcome(record, std::move(result), std::move(reason)));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  if (const auto dropped = layout_->drop_unfinished(); !dropped)
    log::warning("left-overs stay", {{"error", dropped.error().message()}});
  return outcome;
}

}  // namespace upswarm::installer
