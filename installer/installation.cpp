#include "installer/installation.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"
#include "protocol/package/decode/delta_reader.hpp"

namespace upswarm::installer {
namespace {

constexpr Bytes kLongestTree = 512_MiB;
constexpr std::int64_t kMostRecoveries = 2;
constexpr const char* kByAdministrator = "rolled back by an administrator";

/// Faults of the machine, not of the release: nothing is marked bad for them.
bool is_environment(ErrorKind kind) {
  return kind == ErrorKind::no_space || kind == ErrorKind::disk || kind == ErrorKind::busy || kind == ErrorKind::denied;
}

void tell(const package::ProgressSink& progress, std::string_view phase) {
  if (progress) progress({phase, {}, {}});
}

}  // namespace

Installation::Installation(Files& files, RecordStore& records, ReleaseRunner& runner, const Clock& clock,
                           const ProductConfig& product, const InstallerConfig& config, Path state)
    : files_(files),
      records_(records),
      runner_(runner),
      clock_(clock),
      product_(product),
      config_(config),
      state_(std::move(state)),
      layout_(files, product.root) {}

Path Installation::incoming(std::size_t step) const {
  return state_ / "incoming" / (product_.product + (step == 0 ? "" : "." + std::to_string(step)) + ".package");
}

Result<ProductRecord> Installation::begin(const trust::Entry& to, const char* kind) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  if (record.journal)
    return Error{ErrorKind::busy, "install " + product_.product, "another installation is not finished"};
  record.journal = Journal{.phase = Phase::staging,
                           .kind = kind,
                           .to = to,
                           .from = record.current,
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
    return is_full ? unpack(to, record, progress, stop) : apply_all(steps, record, progress, stop);
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
  UPSWARM_CHECK(remove_incoming());
  return commit(record);
}

Result<void> Installation::stage(const trust::Entry& to, const Fill& fill, ProductRecord& record,
                                 const package::ProgressSink& progress, const std::stop_token& stop) {
  UPSWARM_CHECK(layout_.prepare());
  UPSWARM_CHECK(layout_.clean(record.versions()));
  tell(progress, "staging");
  UPSWARM_CHECK(fill());
  UPSWARM_CHECK(remove_incoming());
  // A release that is kept under the same version loses its folder now.
  std::erase_if(record.releases, [&](const auto& one) { return one.entry.version == to.version; });
  UPSWARM_CHECK(write_phase(record, Phase::preparing));
  UPSWARM_CHECK(layout_.adopt_staging(to.version));
  return run_before(to, record, progress, stop);
}

Result<void> Installation::stage_kept(const trust::Entry& to, ProductRecord& record,
                                      const package::ProgressSink& progress, const std::stop_token& stop) {
  const auto* const kept = record.find(to.version);
  if (kept == nullptr || kept->entry.content != to.content) {
    return Error{ErrorKind::not_found, "install " + product_.product + " " + to.version, "it is not kept here"};
  }
  tell(progress, "verifying");
  UPSWARM_TRY(const auto tree, load_tree(to.content));
  UPSWARM_CHECK(package::verify_tree(files_, layout_.folder_of(to.version), tree));
  UPSWARM_CHECK(write_phase(record, Phase::preparing));
  return run_before(to, record, progress, stop);
}

Result<void> Installation::run_before(const trust::Entry& to, const ProductRecord& record,
                                      const package::ProgressSink& progress, const std::stop_token& stop) {
  if (!to.hooks.before) return {};
  tell(progress, "hook before");
  return runner_.run_hook("before", *to.hooks.before, context_of(to.version, record.current), stop);
}

Result<void> Installation::unpack(const trust::Entry& to, ProductRecord& record, const package::ProgressSink& progress,
                                  const std::stop_token& stop) {
  const auto work = [&]() -> Result<void> {
    UPSWARM_TRY(auto file, files_.open(incoming()));
    UPSWARM_TRY(auto reader, package::PackageReader::open(std::move(file), &to.index_digest));
    if (package::content_digest(reader.index().tree) != to.content) {
      return Error{ErrorKind::corrupt, "unpack " + product_.product + " " + to.version,
                   "it holds another tree than the signed one"};
    }
    UPSWARM_CHECK(check_space(reader.index().tree.total_size()));
    UPSWARM_CHECK(reader.unpack(files_, layout_.staging(), progress, stop));
    return save_tree(reader.index().tree);
  };
  auto done = work();
  if (!done) return put_aside({to.full, to.version, to.content}, nullptr, std::move(done).error(), record);
  return done;
}

Result<void> Installation::apply_all(const std::vector<PackageStep>& steps, ProductRecord& record,
                                     const package::ProgressSink& progress, const std::stop_token& stop) {
  const auto* const installed = entry_of(record, record.current);
  if (installed == nullptr)
    return Error{ErrorKind::not_found, "apply a delta", "nothing is installed that it could start from"};
  UPSWARM_TRY(auto tree, load_tree(installed->content));
  Base base{record.current, layout_.folder_of(record.current), std::move(tree)};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto rebuilt = apply(steps[i], incoming(i), base, progress, stop);
    if (!rebuilt) return put_aside(steps[i], &base, std::move(rebuilt).error(), record);
    if (i + 1 == steps.size()) {
      UPSWARM_CHECK(save_tree(*rebuilt));
      break;
    }
    UPSWARM_CHECK(layout_.set_staging_between());
    base = {steps[i].version, layout_.between(), std::move(*rebuilt)};
  }
  return remove_tree(files_, layout_.between());
}

/// The tree of `step`, rebuilt in staging.
Result<package::Tree> Installation::apply(const PackageStep& step, const Path& file, const Base& base,
                                          const package::ProgressSink& progress, const std::stop_token& stop) {
  const auto doing = "apply the delta from " + base.version + " to " + product_.product + " " + step.version;
  UPSWARM_TRY(auto opened, files_.open(file));
  auto reader = package::DeltaReader::open(std::move(opened));
  if (!reader) {
    auto error = std::move(reader).error().within(doing);
    // What this program does not know is no fault of the release: its full package may well do.
    if (error.kind == ErrorKind::invalid) error.kind = ErrorKind::corrupt;
    return error;
  }
  if (reader->info().to_content != step.content)
    return Error{ErrorKind::corrupt, doing, "it leads to another tree than the signed one"};
  UPSWARM_CHECK(check_space(reader->info().unpacked));
  return reader->apply(files_, base.folder, base.tree, layout_.staging(), progress, stop);
}

/// What went wrong, in the end: the base, or the package, which then is not tried on that base again.
Error Installation::put_aside(const PackageStep& step, const Base* base, Error why, ProductRecord& record) {
  if (why.kind != ErrorKind::corrupt) return why;
  if (base != nullptr) {
    const auto whole = package::verify_tree(files_, base->folder, base->tree);
    if (!whole) return Error(whole.error()).within(base->version + " on disk is damaged");
  }
  put_aside(step, base == nullptr ? std::nullopt : std::optional(package::content_digest(base->tree)), why, record);
  return why;
}

void Installation::put_aside(const PackageStep& step, const std::optional<Sha256>& base, const Error& why,
                             ProductRecord& record) {
  log::error("a package is put aside: its result is not what was signed", {{"product", record.product},
                                                                           {"package", step.package.path},
                                                                           {"base", base ? base->hex() : ""},
                                                                           {"why", why.message()}});
  record.put_aside({step.package.sha256, base, step.version, why.message(), clock_.now()});
}

Result<messages::Presence> Installation::present(const std::vector<Sha256>& contents) {
  UPSWARM_TRY(const auto record, records_.load(product_.product));
  messages::Presence presence;
  for (const auto& content : contents) {
    const auto found =
        std::ranges::find_if(record.releases, [&](const auto& one) { return one.entry.content == content; });
    if (found == record.releases.end()) continue;
    const auto verify = [&]() -> Result<void> {
      UPSWARM_TRY(const auto tree, load_tree(content));
      return package::verify_tree(files_, layout_.folder_of(found->entry.version), tree);
    };
    if (const auto whole = verify()) presence.present.push_back(content);
    else
      presence.damaged.push_back({content, found->entry.version + " on disk is damaged: " + whole.error().message()});
  }
  return presence;
}

Result<void> Installation::remove_incoming() {
  for (std::size_t i = 0; i < messages::kLongestChain; ++i) UPSWARM_CHECK(remove_tree(files_, incoming(i)));
  return {};
}

Result<void> Installation::check_space(Bytes needed) {
  UPSWARM_TRY(const auto there, files_.free_space(product_.root));
  if (there >= needed + config_.keep_free) return {};
  return Error{ErrorKind::no_space, "unpack under " + product_.root.string(),
               to_string(needed) + " and " + to_string(config_.keep_free) + " of reserve are needed, " +
                   to_string(there) + " are free; free some space, the update is tried again by itself"};
}

Result<void> Installation::save_tree(const package::Tree& tree) {
  return write_file_atomically(files_, state_ / "trees" / (package::content_digest(tree).hex() + ".tree"),
                               package::encode_tree(tree), 0600);
}

Result<package::Tree> Installation::load_tree(const Sha256& content) {
  const auto file = state_ / "trees" / (content.hex() + ".tree");
  UPSWARM_TRY(const auto bytes, read_file(files_, file, kLongestTree));
  UPSWARM_TRY(auto tree, package::decode_tree(bytes, file.string()));
  if (package::content_digest(tree) != content)
    return Error{ErrorKind::corrupt, "read " + file.string(), "it does not have its own digest"};
  return tree;
}

Result<messages::Outcome> Installation::switch_and_commit(ProductRecord& record, const package::ProgressSink& progress,
                                                          const std::stop_token& stop) {
  const auto switched = switch_over(record, progress, stop);
  if (!switched) {
    // A stop of the installer itself is no fault of the release: the journal says at the next start what to do.
    if (switched.error().kind == ErrorKind::cancelled) return switched.error();
    return undo(record, switched.error(), !is_environment(switched.error().kind), progress, stop);
  }
  return commit(record);
}

Result<void> Installation::switch_over(ProductRecord& record, const package::ProgressSink& progress,
                                       const std::stop_token& stop) {
  const auto to = record.journal->to;
  const auto context = context_of(to.version, record.journal->from);
  if (record.journal->phase == Phase::probation) {
    UPSWARM_CHECK(runner_.prepare_health(to.health, context));
  } else {
    UPSWARM_CHECK(write_phase(record, Phase::switching));
    tell(progress, "switching");
    if (const auto* const old = entry_of(record, record.journal->from))
      UPSWARM_CHECK(runner_.stop_services(old->services, stop));
    UPSWARM_CHECK(layout_.switch_to(to.version));
    UPSWARM_CHECK(runner_.prepare_health(to.health, context));
    if (to.hooks.after) {
      tell(progress, "hook after");
      UPSWARM_CHECK(runner_.run_hook("after", *to.hooks.after, context, stop));
    }
  }
  UPSWARM_CHECK(runner_.start_services(to.services, stop));
  UPSWARM_CHECK(write_phase(record, Phase::probation));
  tell(progress, "checking health");
  return runner_.check_health(to.health, context, stop);
}

Result<messages::Outcome> Installation::commit(ProductRecord& record) {
  const auto to = record.journal->to;
  std::erase_if(record.releases, [&](const auto& one) { return one.entry.version == to.version; });
  record.releases.push_back({to, clock_.now()});
  if (record.journal->kind == "rollback") {
    const auto* const left = entry_of(record, record.journal->from);
    if (left != nullptr) record.bad.push_back({left->content, left->version, kByAdministrator, clock_.now()});
  }
  record.current = to.version;
  record.highest = std::max(record.highest, to.counter);
  UPSWARM_TRY(const auto outcome, add_outcome(record, "completed", ""));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  log::info("release installed",
            {{"product", record.product}, {"from", outcome.from}, {"to", outcome.to}, {"kind", outcome.kind}});
  retire(record);
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
  // Going back must not fail for what only tidies up: a service that does not stop is logged, the switch comes first.
  const auto lenient = [&](const Result<void>& step) {
    if (!step) log::error("while rolling back", {{"product", record.product}, {"error", step.error().message()}});
  };
  lenient(runner_.stop_services(journal.to.services, stop));
  UPSWARM_CHECK(layout_.switch_to(journal.from));
  if (journal.to.hooks.rollback) {
    lenient(
        runner_.run_hook("rollback", *journal.to.hooks.rollback, context_of(journal.to.version, journal.from), stop));
  }
  if (const auto* const old = entry_of(record, journal.from)) lenient(runner_.start_services(old->services, stop));
  if (stop.stop_requested()) return Error{ErrorKind::cancelled, "roll back " + record.product, "stopped"};
  if (journal.blame) record.bad.push_back({journal.to.content, journal.to.version, journal.reason, clock_.now()});
  UPSWARM_TRY(const auto outcome, add_outcome(record, "rolled_back", journal.reason));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  lenient(layout_.clean(record.versions()));
  return outcome;
}

Result<messages::Outcome> Installation::give_up(ProductRecord& record, const Error& why) {
  if (why.kind == ErrorKind::cancelled) return why;
  const auto to = record.journal->to;
  log::warning("release not installed", {{"product", record.product}, {"version", to.version}, {"why", why.message()}});
  // Only what the release itself did counts against it; a wrong package is the agent's to fetch again.
  if (why.kind == ErrorKind::invalid) record.bad.push_back({to.content, to.version, why.message(), clock_.now()});
  UPSWARM_TRY(const auto outcome, add_outcome(record, "failed", why.message()));
  record.journal.reset();
  UPSWARM_CHECK(records_.save(record));
  const auto tidy = [&]() -> Result<void> {
    UPSWARM_CHECK(remove_incoming());
    return layout_.clean(record.versions());
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
  if (wanted->entry.counter < record.floor) {
    return Error{ErrorKind::denied, doing, wanted->entry.version + " is below the floor that was signed",
                 "below_floor"};
  }
  tell(progress, "verifying");
  UPSWARM_TRY(const auto tree, load_tree(wanted->entry.content));
  UPSWARM_CHECK(package::verify_tree(files_, layout_.folder_of(wanted->entry.version), tree));
  record.journal = Journal{.phase = Phase::preparing,
                           .kind = "rollback",
                           .to = wanted->entry,
                           .from = record.current,
                           .reason = {},
                           .blame = false,
                           .started = clock_.now(),
                           .recoveries = 0};
  UPSWARM_CHECK(records_.save(record));
  return switch_and_commit(record, progress, stop);
}

Result<std::optional<messages::Outcome>> Installation::recover(const package::ProgressSink& progress,
                                                               std::stop_token stop) {
  UPSWARM_TRY(auto record, records_.load(product_.product));
  UPSWARM_TRY(const auto root_there, exists(files_, product_.root));
  if (root_there) UPSWARM_CHECK(layout_.prepare());
  if (!record.journal) {
    if (root_there) UPSWARM_CHECK(layout_.clean(record.versions()));
    UPSWARM_CHECK(remove_incoming());
    return std::optional<messages::Outcome>();
  }
  log::warning("finishing what was interrupted",
               {{"product", record.product}, {"phase", to_string(record.journal->phase)}});
  const Error interrupted{ErrorKind::disk, "install " + record.product + " " + record.journal->to.version,
                          "interrupted by a restart while " + std::string(to_string(record.journal->phase))};
  const auto go_on = [&]() -> Result<messages::Outcome> {
    switch (record.journal->phase) {
      case Phase::staging:
      case Phase::preparing: return give_up(record, interrupted);
      case Phase::switching: return undo(record, interrupted, false, progress, stop);
      case Phase::rolling_back: return finish_undo(record, progress, stop);
      case Phase::probation:
        if (++record.journal->recoveries > kMostRecoveries) return undo(record, interrupted, true, progress, stop);
        UPSWARM_CHECK(records_.save(record));
        return switch_and_commit(record, progress, stop);
    }
    return interrupted;
  };
  UPSWARM_TRY(auto outcome, go_on());
  return std::optional(std::move(outcome));
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
  outcome.result = std::move(result);
  outcome.reason = std::move(reason);
  outcome.at = clock_.now();
  outcome.milliseconds = std::chrono::milliseconds(outcome.at - record.journal->started).count();
  record.keep(outcome);
  return outcome;
}

void Installation::retire(ProductRecord& record) {
  const auto now = clock_.now();
  std::int64_t kept = 0;
  std::vector<std::string> doomed;
  for (auto one = record.releases.rbegin(); one != record.releases.rend(); ++one) {
    if (one->entry.version == record.current) continue;
    if (++kept > config_.keep_releases && now - one->installed_at > config_.keep_for)
      doomed.push_back(one->entry.version);
  }
  for (const auto& version : doomed) {
    const auto content = record.find(version)->entry.content;
    std::erase_if(record.releases, [&](const auto& one) { return one.entry.version == version; });
    const auto step = [&]() -> Result<void> {
      UPSWARM_CHECK(records_.save(record));
      UPSWARM_CHECK(layout_.remove(version));
      return remove_tree(files_, state_ / "trees" / (content.hex() + ".tree"));
    };
    if (const auto removed = step(); !removed) {
      log::warning("an old release stays on disk", {{"version", version}, {"error", removed.error().message()}});
    }
  }
}

RunContext Installation::context_of(const std::string& version, const std::string& from) const {
  return {product_.product, version, from, product_.root, layout_.folder_of(version)};
}

const trust::Entry* Installation::entry_of(const ProductRecord& record, const std::string& version) const {
  const auto* const known = record.find(version);
  return known == nullptr ? nullptr : &known->entry;
}

}  // namespace upswarm::installer
