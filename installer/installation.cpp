#include "installer/installation.hpp"

#include <algorithm>

#include "installer/guard.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

constexpr std::int64_t kMostRecoveries = 2;
constexpr const char* kByAdministrator = "rolled back by an administrator";

/// All else are faults of the machine, for which nothing is marked bad.
bool is_fault_of_release(const Error& error) { return error.kind == ErrorKind::invalid; }

Error interruption_of(const ProductRecord& record) {
  return {ErrorKind::disk, "install " + record.product + " " + record.journal->to.version,
          "interrupted by a restart while " + std::string(to_string(record.journal->phase))};
}

void tell(const package::ProgressSink& progress, std::string_view phase) {
  if (progress) progress({phase, {}, {}});
}

}  // namespace

Installation::Installation(Files& files, RecordStore& records, ReleaseRunner& runner, const Clock& clock,
                           const ProductConfig& product, const InstallerConfig& config, Path state, SelfUpdate* self)
    : files_(files),
      records_(records),
      runner_(runner),
      clock_(clock),
      product_(product),
      config_(config),
      state_(std::move(state)),
      layout_(make_layout(trust::kVersionedLayout, files, product.root)),
      self_(self) {}

Path Installation::incoming(std::size_t step) const {
  return state_ / "incoming" / (product_.product + (step == 0 ? "" : "." + std::to_string(step)) + ".package");
}

Result<ProductRecord> Installation::begin(const trust::Entry& to, const char* kind) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  if (record.journal)
    return Error{ErrorKind::busy, "install " + product_.product, "another installation is not finished"};
  use_layout(record, &to);
  auto from = record.current;
  if (from.empty()) {
    UPSWARM_TRY(const auto placed, layout_->current_version());  // by hand, as by packaging/linux/install.sh
    from = placed.value_or("");
  }
  // What is not there cannot be gone back to; and this program is where it came from.
  if (self_ != nullptr) from = self_->running();
  if (!from.empty() && !exists(files_, layout_->folder_of(from)).value_or(true)) from.clear();
  record.journal = Journal{.phase = Phase::staging,
                           .kind = kind,
                           .to = to,
                           .from = from,
                           .reason = {},
                           .blame = false,
                           .started = clock_.now(),
                           .recoveries = 0};
  UPSWARM_CHECK(records_.save(record));
  return record;
}

Result<messages::Outcome> Installation::install(const trust::Entry& to, const std::vector<PackageStep>& steps,
                                                const package::ProgressSink& progress, std::stop_token stop) {
  const bool is_full = steps.size() == 1 && steps.front().package.sha256 == to.full.sha256;
  UPSWARM_TRY(auto record, begin(to, is_full ? "full" : (steps.size() == 1 ? "delta" : "chain")));
  if (to.version == record.current) return take_over(to, record);
  const auto fill = [&] {
    return is_full ? unpack(to, record, progress, stop) : apply_all(to, steps, record, progress, stop);
  };
  if (const auto staged = stage(to, fill, record, progress, stop); !staged) return give_up(record, staged.error());
  return switch_and_commit(record, progress, stop);
}

Result<messages::Outcome> Installation::install_kept(const trust::Entry& to, const package::ProgressSink& progress,
                                                     std::stop_token stop) {
  UPSWARM_TRY(auto record, begin(to, "nothing"));
  if (to.version == record.current) return take_over(to, record);
  if (const auto staged = stage_kept(to, record, progress, stop); !staged) return give_up(record, staged.error());
  return switch_and_commit(record, progress, stop);
}

/// The folder of what runs is never touched: versions are folders, and this one's is `current`.
Result<messages::Outcome> Installation::take_over(const trust::Entry& to, ProductRecord& record) {
  const auto* const here = entry_of(record, to.version);
  if (here == nullptr || here->content != to.content) {
    return give_up(record, {ErrorKind::untrusted, "install " + product_.product + " " + to.version,
                            "what runs here has this version and another content; each content needs its own version"});
  }
  if (here->layout != to.layout)
    return give_up(record, {ErrorKind::untrusted, "install " + product_.product, layout_change(*here, to)});
  UPSWARM_CHECK(remove_incoming());
  return commit(record, {});
}

Result<void> Installation::run_before(const trust::Entry& to, const ProductRecord& record,
                                      const package::ProgressSink& progress, const std::stop_token& stop) {
  if (!to.hooks.before) return {};
  tell(progress, "hook before");
  return runner_.run_hook("before", *to.hooks.before, context_of(to.version, record.current), stop);
}

Result<void> Installation::remove_incoming() {
  for (std::size_t i = 0; i < messages::kLongestChain; ++i) UPSWARM_CHECK(remove_tree(files_, incoming(i)));
  return {};
}

Result<messages::Outcome> Installation::switch_and_commit(ProductRecord& record, const package::ProgressSink& progress,
                                                          const std::stop_token& stop) {
  const auto switched = switch_over(record, progress, stop);
  if (!switched) {
    if (switched.error().kind == ErrorKind::cancelled) return stopped_by(switched.error(), record);
    if (record.journal->phase == Phase::preparing) return give_up(record, switched.error());  // nothing was touched
    const auto blame = is_fault_of_release(switched.error());
    if (!blame) record.note_setback(record.journal->to, switched.error().message(), false, clock_.now());
    return undo(record, switched.error(), blame, progress, stop);
  }
  return commit(record, stop);
}

Result<void> Installation::switch_over(ProductRecord& record, const package::ProgressSink& progress,
                                       const std::stop_token& stop) {
  const auto to = record.journal->to;
  auto context = context_in_use(to.version, record.journal->from);
  if (record.journal->phase == Phase::probation) {
    UPSWARM_TRY(const bool is_anew, runner_.resume_health(to.health, context));
    if (is_anew) UPSWARM_CHECK(runner_.stop_services(services_to_start(record), stop));
  } else {
    const bool is_again = record.journal->phase == Phase::switching;
    if (self_ != nullptr)
      UPSWARM_CHECK(runner_.run_hook("self-test", ask_installer("--self-test", config_.file), context, stop));
    if (!is_again) UPSWARM_CHECK(note_services(record, stop));
    UPSWARM_CHECK(write_phase(record, Phase::switching));
    tell(progress, "switching");
    if (record.journal->ran) UPSWARM_CHECK(runner_.stop_services(*record.journal->ran, stop));
    UPSWARM_CHECK(close_programs(record.journal->from, stop));
    if (self_ != nullptr) UPSWARM_CHECK(self_->begin(record.journal->from, to.version));
    UPSWARM_CHECK(layout_->switch_to(to.version, record.journal->from));
    UPSWARM_CHECK(install_foreign(record, stop));
    UPSWARM_CHECK(runner_.prepare_health(to.health, context));
    if (to.hooks.after) {
      tell(progress, "hook after");
      UPSWARM_CHECK(runner_.run_hook("after", *to.hooks.after, context, stop));
    }
    if (self_ != nullptr) return leave_to(to, record);
  }
  context.services = services_to_start(record);
  UPSWARM_CHECK(runner_.start_services(context.services, stop));
  UPSWARM_CHECK(write_phase(record, Phase::probation));
  if (context.services.empty() && !to.services.empty()) {
    log::warning("health is not checked: the services were stopped before the update", {{"product", record.product}});
    return prove_self(record, stop);
  }
  tell(progress, "checking health");
  UPSWARM_CHECK(runner_.check_health(to.health, context, stop));
  return prove_self(record, stop);
}

/// Which are to run and must stop before the switch. Of what was placed by hand only the new release says them.
Result<void> Installation::note_services(ProductRecord& record, const std::stop_token& stop) {
  auto& journal = *record.journal;
  // Services may still run what is not there any more, and so is not gone back to.
  const auto& before = journal.from.empty() ? record.current : journal.from;
  if (before.empty()) return {};
  const auto* const old = entry_of(record, before);
  const auto& services = old != nullptr ? old->services : journal.to.services;
  UPSWARM_TRY(auto ran, runner_.running_services(services, stop));
  for (const auto& service : record.owed) {
    const bool is_of_old = std::ranges::find(services, service) != services.end();
    if (is_of_old && std::ranges::find(ran, service) == ran.end()) ran.push_back(service);
  }
  journal.ran = std::move(ran);
  return {};
}

/// What an administrator had stopped stays so; what the release before did not have is started.
std::vector<std::string> Installation::services_to_start(const ProductRecord& record) const {
  auto services = record.journal->to.services;
  const auto* const old = entry_of(record, record.journal->from);
  if (old == nullptr || !record.journal->ran) return services;
  std::erase_if(services, [&](const auto& service) {
    return std::ranges::find(old->services, service) != old->services.end() &&
           std::ranges::find(*record.journal->ran, service) == record.journal->ran->end();
  });
  return services;
}

Result<messages::Outcome> Installation::commit(ProductRecord& record, const std::stop_token& stop) {
  const auto to = record.journal->to;
  const bool is_same = record.current == to.version;  // only its entry is another
  std::erase_if(record.releases, [&](const auto& one) { return one.entry.version == to.version; });
  record.releases.push_back({to, clock_.now()});
  const auto* const left = record.journal->kind == "rollback" ? entry_of(record, record.current) : nullptr;
  if (left != nullptr) record.mark_bad({left->content, left->version, kByAdministrator, clock_.now()});  // not `from`
  record.forget_setback(to.content);
  if (!is_same) {
    record.damage.reset();
    record.checked.reset();
    record.owed.clear();
    record.mended.clear();
  }
  record.current = to.version;
  record.highest = std::max(record.highest, to.counter);
  UPSWARM_TRY(const auto outcome, add_outcome(record, "completed", remark_on(*record.journal)));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  log::info("release installed",
            {{"product", record.product}, {"from", outcome.from}, {"to", outcome.to}, {"kind", outcome.kind}});
  const auto drop = [&]() -> Result<void> {
    UPSWARM_CHECK(remove_tree(files_, tree_between()));
    if (!is_same) UPSWARM_CHECK(remove_tree(files_, layout_->staging().parent_path() / kAside));
    return layout_->drop_unfinished();
  };
  if (const auto dropped = drop(); !dropped) log::warning("left-overs stay", {{"error", dropped.error().message()}});
  retire(record, stop);
  return outcome;
}

Result<messages::Outcome> Installation::undo(ProductRecord& record, const Error& why, bool blame,
                                             const package::ProgressSink& progress, const std::stop_token& stop) {
  record.journal->reason = why.message();
  record.journal->blame = blame;
  log::warning("rolling back",
               {{"product", record.product}, {"version", record.journal->to.version}, {"why", why.message()}});
  UPSWARM_CHECK(write_phase(record, Phase::rolling_back));
  return finish_undo(record, progress, stop);
}

Result<messages::Outcome> Installation::finish_undo(ProductRecord& record, const package::ProgressSink& progress,
                                                    const std::stop_token& stop) {
  tell(progress, "rolling back");
  const auto journal = *record.journal;
  auto reason = journal.reason;
  // Going back must not fail for what only tidies up: a service that does not stop is told, the switch comes first.
  const auto lenient = [&](const Result<void>& step) {
    if (step) return;
    log::error("while rolling back", {{"product", record.product}, {"error", step.error().message()}});
    reason += "; while rolling back: " + step.error().message();
  };
  lenient(runner_.stop_services(journal.to.services, stop));
  lenient(close_programs(journal.to.version, stop));
  UPSWARM_CHECK(layout_->switch_to(journal.from, journal.to.version));
  const auto back = put_foreign_back(record, stop);
  if (!back && !is_fault_of_release(back.error())) return back.error();
  lenient(back);
  if (journal.to.hooks.rollback) {
    lenient(
        runner_.run_hook("rollback", *journal.to.hooks.rollback, context_of(journal.to.version, journal.from), stop));
  }
  record.owed.clear();
  const auto* const old = entry_of(record, journal.from);
  if (old != nullptr || journal.ran) {
    const auto services = journal.ran ? *journal.ran : old->services;
    const auto started = runner_.start_services(services, stop);
    if (!started) record.owed = services;
    lenient(started);
  }
  if (stop.stop_requested())
    return stopped_by({ErrorKind::cancelled, "roll back " + record.product, "stopped"}, record);
  if (journal.blame) record.mark_bad({journal.to.content, journal.to.version, journal.reason, clock_.now()});
  UPSWARM_TRY(const auto outcome, add_outcome(record, back ? "rolled_back" : "failed", reason));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  if (self_ != nullptr) lenient(self_->end());
  lenient(layout_->clean(record.versions(), false));
  return outcome;
}

/// What an interruption left half made stays, for the next try; what failed does not.
Result<messages::Outcome> Installation::give_up(ProductRecord& record, const Error& why, bool was_interrupted) {
  if (why.kind == ErrorKind::cancelled) return stopped_by(why, record);
  const auto to = record.journal->to;
  log::warning("release not installed", {{"product", record.product}, {"version", to.version}, {"why", why.message()}});
  // Only what the release itself did counts against it; a wrong package is the agent's to fetch again.
  if (is_fault_of_release(why)) record.mark_bad({to.content, to.version, why.message(), clock_.now()});
  else if (record.journal->phase != Phase::staging && !was_interrupted)
    record.note_setback(to, why.message(), false, clock_.now());
  if (record.journal->kind == "repair") record.note_failed_repair(clock_.now());
  UPSWARM_TRY(const auto outcome, add_outcome(record, "failed", why.message()));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  const auto tidy = [&]() -> Result<void> {
    UPSWARM_CHECK(remove_incoming());
    if (!was_interrupted) UPSWARM_CHECK(remove_tree(files_, tree_between()));
    return layout_->clean(versions_to_keep(record), was_interrupted);
  };
  if (const auto tidied = tidy(); !tidied) log::warning("left-overs stay", {{"error", tidied.error().message()}});
  return outcome;
}

Result<messages::Outcome> Installation::roll_back(const std::string& version, const package::ProgressSink& progress,
                                                  std::stop_token stop) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  if (record.journal) return Error{ErrorKind::busy, "roll back " + product_.product, "an installation is not finished"};
  const auto* const wanted = version.empty() ? record.newest_before_current() : record.find(version);
  const auto doing = "roll back " + product_.product;
  if (wanted == nullptr) {
    return Error{ErrorKind::not_found, doing,
                 version.empty() ? "no earlier release that did not fail here is kept" : version + " is not kept here"};
  }
  if (wanted->entry.version == record.current) return Error{ErrorKind::invalid, doing, version + " is what runs now"};
  if (const auto names = trust::unknown_requirements(wanted->entry)) {
    return Error{ErrorKind::denied, doing, wanted->entry.version + " needs a newer installer: " + *names,
                 "newer_installer"};
  }
  if (wanted->entry.counter < record.floor) {
    return Error{ErrorKind::denied, doing, wanted->entry.version + " is below the floor that was signed",
                 "below_floor"};
  }
  const auto to = wanted->entry;
  UPSWARM_TRY(record, begin(to, "rollback"));
  const auto verify = [&]() -> Result<void> {
    tell(progress, "verifying");
    UPSWARM_TRY(const auto tree, load_tree(to.content));
    return package::verify_tree(files_, layout_->folder_of(to.version), tree, stop);
  };
  if (const auto whole = verify(); !whole) return give_up(record, whole.error());
  if (const auto possible = check_switch(to, record); !possible) return give_up(record, possible.error());
  UPSWARM_CHECK(write_phase(record, Phase::preparing));
  return switch_and_commit(record, progress, stop);
}

Result<std::optional<messages::Outcome>> Installation::recover(const package::ProgressSink& progress,
                                                               std::stop_token stop, bool is_restart) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  use_layout(record, nullptr);
  UPSWARM_TRY(const auto root_there, exists(files_, product_.root));
  const bool is_used = root_there && (record.journal || !record.releases.empty() || has_folders());
  if (root_there) UPSWARM_CHECK(is_used ? layout_->prepare() : check_private_folder(files_, product_.root));
  // Recovery needs no package.
  if (const auto tidied = remove_incoming(); !tidied)
    log::warning("left-overs stay", {{"error", tidied.error().message()}});
  if (self_ != nullptr && self_->took_back(record)) {
    if (record.journal) UPSWARM_CHECK(give_up(record, interruption_of(record), true));  // not switched yet
    self_->reopen(record, clock_.now());
  }
  if (!record.journal) {
    if (self_ != nullptr) {
      UPSWARM_CHECK(self_->end_others());
      if (!record.current.empty() && record.current != self_->running()) {
        log::warning("`current` was set by hand, and stays",
                     {{"product", record.product}, {"installed", record.current}, {"running", self_->running()}});
      }
    }
    if (!is_used) return std::optional<messages::Outcome>();
    UPSWARM_TRY(const auto wrong, wrong_link(record));
    if (wrong.empty()) UPSWARM_CHECK(layout_->clean(versions_to_keep(record), true));
    else UPSWARM_CHECK(note_wrong_link(record, wrong));
    return std::optional<messages::Outcome>();
  }
  log::warning("finishing what was interrupted",
               {{"product", record.product}, {"phase", to_string(record.journal->phase)}});
  const auto interrupted = interruption_of(record);
  const auto is_crash = !std::exchange(record.journal->stopped, false) && is_restart;
  UPSWARM_TRY(auto outcome, go_on(record, interrupted, is_crash, progress, stop));
  return std::optional(std::move(outcome));
}

Result<messages::Outcome> Installation::go_on(ProductRecord& record, const Error& interrupted, bool is_crash,
                                              const package::ProgressSink& progress, const std::stop_token& stop) {
  auto& journal = *record.journal;
  const auto* const before = record.setback(journal.to.content);
  const auto is_to_blame = is_crash && before != nullptr && before->interruptions + 1 >= kMostInterruptions;
  switch (journal.phase) {
    case Phase::staging: return give_up(record, interrupted, true);
    case Phase::preparing: {
      // Whole, but for what a hook did to it: nothing is lost by verifying it once more.
      UPSWARM_TRY(const auto root_there, exists(files_, product_.root));
      if (record.find(journal.to.version) == nullptr && root_there)
        UPSWARM_CHECK(layout_->return_to_staging(journal.to.version));
      if (is_to_blame) record.mark_bad({journal.to.content, journal.to.version, interrupted.message(), clock_.now()});
      else if (is_crash) record.note_setback(journal.to, interrupted.message(), true, clock_.now());
      return give_up(record, interrupted, true);
    }
    case Phase::switching:
      if (is_crash && !is_to_blame) record.note_setback(journal.to, interrupted.message(), true, clock_.now());
      if (!is_to_blame) {
        const auto is_done = is_foreign_done(record, stop);
        if (!is_done && !is_fault_of_release(is_done.error())) return is_done.error();  // it cannot be told yet
        if (is_done && *is_done) return switch_and_commit(record, progress, stop);
      }
      return undo(record, interrupted, is_to_blame, progress, stop);
    case Phase::rolling_back:
      // What could not be written down last time must be possible now: services are not stopped again for nothing.
      UPSWARM_CHECK(records_.next_outcome(config_.product_names(), record));
      UPSWARM_CHECK(records_.save(record));
      return finish_undo(record, progress, stop);
    case Phase::repairing:
      UPSWARM_CHECK(records_.next_outcome(config_.product_names(), record));
      UPSWARM_CHECK(records_.save(record));
      return end_repair(record, "failed", interrupted.message());
    case Phase::probation:
      if (self_ != nullptr && self_->running() != journal.to.version) return fell_back(record, progress, stop);
      // An older installer took this one's place: it cannot check what it does not know, and blames nobody.
      if (const auto names = trust::unknown_requirements(journal.to)) {
        return undo(record, {ErrorKind::denied, interrupted.context, "it needs a newer installer: " + *names}, false,
                    progress, stop);
      }
      if (is_crash && ++journal.recoveries > kMostRecoveries) return undo(record, interrupted, true, progress, stop);
      UPSWARM_CHECK(records_.save(record));
      return switch_and_commit(record, progress, stop);
  }
  return interrupted;
}

/// A stop of the installer itself is nobody's fault: the journal says at the next start what to do.
Error Installation::stopped_by(const Error& why, ProductRecord& record) {
  record.journal->stopped = true;
  if (self_ != nullptr) self_->forgive();
  if (const auto saved = records_.save(record); !saved)
    log::warning("the next start will take this for a crash", {{"error", saved.error().message()}});
  return why;
}

Result<void> Installation::write_phase(ProductRecord& record, Phase phase) {
  record.journal->phase = phase;
  return records_.save(record);
}

Result<messages::Outcome> Installation::add_outcome(ProductRecord& record, std::string result, std::string reason) {
  messages::Outcome outcome;
  UPSWARM_TRY(outcome.number, records_.next_outcome(config_.product_names(), record));
  outcome.product = record.product;
  outcome.from = record.journal->from;
  outcome.to = record.journal->to.version;
  outcome.running = record.current;
  outcome.kind = record.journal->kind;
  if (result == "completed") outcome.files = count_changes(record);
  outcome.result = std::move(result);
  outcome.reason = std::move(reason);
  outcome.at = clock_.now();
  outcome.milliseconds = std::chrono::milliseconds(outcome.at - record.journal->started).count();
  record.keep(outcome);
  return outcome;
}

RunContext Installation::context_of(const std::string& version, const std::string& from) const {
  return {product_.product, version, from, product_.root, layout_->folder_of(version), {}};
}

/// Of a release that was switched to.
RunContext Installation::context_in_use(const std::string& version, const std::string& from) const {
  return {product_.product, version, from, product_.root, layout_->place_of(version), {}};
}

const trust::Entry* Installation::entry_of(const ProductRecord& record, const std::string& version) const {
  const auto* const known = record.find(version);
  return known == nullptr ? nullptr : &known->entry;
}

}  // namespace upswarm::installer
