#include "installer/product_record.hpp"

#include <algorithm>
#include <array>

#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"
#include "protocol/messages/report.hpp"

namespace upswarm::installer {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostKnown = 1000;
constexpr std::chrono::minutes kFirstWait{5};
constexpr std::chrono::hours kLongestWait{24};
constexpr std::int64_t kMostBounces = 3;
constexpr std::int64_t kMostMendings = 2;  // of one file, without being asked for
constexpr std::chrono::hours kMendingsWithin{24 * 30};
constexpr std::size_t kLongestPath = 64 * 1024;
constexpr std::size_t kReserve = 1024 * 1024;
constexpr std::size_t kLongestReason = 128 * 1024;
constexpr std::size_t kLongestKeptReason = 4 * 1024;  // what hooks said must never make a record too long to be read
constexpr std::array<std::string_view, 6> kPhases{"staging",   "preparing",    "switching",
                                                  "probation", "rolling_back", "repairing"};

Json counter_to_json(const trust::ReleaseCounter& counter) { return {{"epoch", counter.epoch}, {"n", counter.n}}; }

trust::ReleaseCounter read_counter(ObjectReader& in, std::string_view key) {
  auto counter = in.inside(in.object(key), key);
  trust::ReleaseCounter value{counter.integer("epoch", 0, kMax), counter.integer("n", 0, kMax)};
  if (const auto end = counter.finish(); !end) in.fail(key, end.error().message());
  return value;
}

trust::Entry read_entry(ObjectReader& in, std::string_view key) {
  auto entry = trust::parse_entry(in.object(key), std::string(key));
  if (entry) return std::move(*entry);
  in.fail(key, entry.error().message());
  return {};
}

Json to_json(const Journal& journal) {
  Json value{{"phase", to_string(journal.phase)},
             {"kind", journal.kind},
             {"to", trust::to_json(journal.to)},
             {"from", journal.from},
             {"reason", messages::shortened(journal.reason, kLongestKeptReason)},
             {"blame", journal.blame},
             {"started", upswarm::to_string(journal.started)},
             {"recoveries", journal.recoveries}};
  if (journal.stopped) value["stopped"] = true;
  if (journal.reboot) value["reboot"] = true;
  if (journal.to.foreign) {
    value["foreign_begun"] = journal.foreign_begun;
    value["foreign_ended"] = journal.foreign_ended;
  }
  if (journal.ran) value["ran"] = *journal.ran;
  return value;
}

Result<Journal> read_journal(ObjectReader in) {
  Journal journal;
  const auto phase = in.text("phase", 64);
  journal.kind = in.text("kind", 20);
  const auto* const found = std::ranges::find(kPhases, phase);
  if (found != kPhases.end()) journal.phase = static_cast<Phase>(found - kPhases.begin());
  else journal.phase = journal.kind == "repair" ? Phase::repairing : Phase::switching;  // of a newer installer: undone
  journal.to = read_entry(in, "to");
  journal.from = in.text("from", 128);
  journal.reason = in.text("reason", kLongestReason);
  journal.blame = in.boolean("blame");
  journal.started = in.parsed("started", parse_time).value_or(Time{});
  journal.recoveries = in.integer("recoveries", 0, kMax);
  journal.stopped = in.boolean_or("stopped", false);
  journal.reboot = in.boolean_or("reboot", false);
  const bool may_have_run = journal.phase != Phase::staging && journal.phase != Phase::preparing;
  journal.foreign_begun = in.boolean_or("foreign_begun", journal.to.foreign && may_have_run);
  journal.foreign_ended = in.boolean_or("foreign_ended", journal.to.foreign && journal.phase == Phase::probation);
  if (in.has("ran")) journal.ran = in.texts_or_none("ran", trust::kMostServices);
  UPSWARM_CHECK(in.finish_open());
  return journal;
}

Result<KnownRelease> read_known(ObjectReader in) {
  KnownRelease release;
  release.entry = read_entry(in, "entry");
  release.installed_at = in.parsed("installed_at", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish_open());
  return release;
}

Result<BadRelease> read_bad(ObjectReader in) {
  BadRelease bad;
  bad.content = in.parsed("content", parse_sha256).value_or(Sha256{});
  bad.version = in.text("version", 128);
  bad.reason = in.text("reason", kLongestReason);
  bad.at = in.parsed("at", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish_open());
  return bad;
}

Result<Setback> read_setback(ObjectReader in) {
  Setback setback;
  setback.content = in.parsed("content", parse_sha256).value_or(Sha256{});
  setback.version = in.text("version", 128);
  setback.reason = in.text("reason", kLongestReason);
  setback.count = in.integer("count", 1, kMax);
  setback.interruptions = in.integer("interruptions", 0, setback.count);
  setback.not_before = in.parsed("not_before", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish_open());
  return setback;
}

Result<DamageMark> read_damage(ObjectReader in) {
  DamageMark mark;
  mark.content = in.parsed("content", parse_sha256).value_or(Sha256{});
  mark.found = in.text("found", kLongestReason);
  mark.at = in.parsed("at", parse_time).value_or(Time{});
  mark.needs_package = in.boolean("needs_package");
  mark.failures = in.integer("failures", 0, kMax);
  if (in.has("bounces")) mark.bounces = in.integer("bounces", 0, kMax);
  mark.is_asked = in.boolean_or("asked", false);
  mark.is_held = in.boolean_or("held", false);
  if (in.has("not_before")) mark.not_before = in.parsed("not_before", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish_open());
  return mark;
}

Result<Mended> read_mended(ObjectReader in) {
  Mended mended;
  mended.path = in.text("path", kLongestPath);
  mended.count = in.integer("count", 1, kMax);
  mended.at = in.parsed("at", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish());
  return mended;
}

}  // namespace

std::chrono::seconds wait_after(std::int64_t failures) {
  std::chrono::seconds wait = kFirstWait;
  for (std::int64_t i = 1; i < failures && wait < kLongestWait; ++i) wait *= 3;
  return std::min<std::chrono::seconds>(wait, kLongestWait);
}

std::string_view to_string(Phase phase) { return kPhases.at(static_cast<std::size_t>(phase)); }

const KnownRelease* ProductRecord::find(std::string_view version) const {
  const auto found = std::ranges::find_if(releases, [&](const auto& one) { return one.entry.version == version; });
  return found == releases.end() ? nullptr : &*found;
}

const KnownRelease* ProductRecord::newest_before_current() const {
  const auto* const here = find(current);
  const KnownRelease* newest = nullptr;
  for (const auto& one : releases) {
    if (here != nullptr && one.entry.counter >= here->entry.counter) continue;
    if (std::ranges::find(bad, one.entry.content, &BadRelease::content) != bad.end()) continue;
    if (!one.entry.not_known.empty()) continue;
    if (newest == nullptr || one.entry.counter > newest->entry.counter) newest = &one;
  }
  return newest;
}

std::vector<std::string> ProductRecord::versions() const {
  std::vector<std::string> names;
  for (const auto& one : releases) names.push_back(one.entry.version);
  return names;
}

const messages::Quarantined* ProductRecord::quarantined(const Sha256& package,
                                                        const std::optional<Sha256>& base) const {
  const auto found =
      std::ranges::find_if(quarantine, [&](const auto& one) { return one.package == package && one.base == base; });
  return found == quarantine.end() ? nullptr : &*found;
}

void ProductRecord::mark_bad(BadRelease one) {
  std::erase_if(bad, [&](const auto& other) { return other.content == one.content; });
  bad.push_back(std::move(one));
  if (bad.size() > kMostBad) bad.erase(bad.begin());
  forget_setback(bad.back().content);
}

const Setback* ProductRecord::setback(const Sha256& content) const {
  const auto found = std::ranges::find(setbacks, content, &Setback::content);
  return found == setbacks.end() ? nullptr : &*found;
}

void ProductRecord::note_setback(const trust::Entry& entry, const std::string& reason, bool is_interruption, Time now) {
  Setback one{.content = entry.content, .version = entry.version, .reason = {}, .not_before = {}};
  if (const auto* const before = setback(entry.content)) one = *before;
  forget_setback(entry.content);
  one.reason = messages::shortened(reason, kLongestKeptReason);
  ++one.count;
  if (is_interruption) ++one.interruptions;
  one.not_before = now + wait_after(one.count);
  setbacks.push_back(std::move(one));
  if (setbacks.size() > kMostSetbacks) setbacks.erase(setbacks.begin());
}

bool Setback::holds(Time now) const { return now < not_before && not_before - now <= kLongestWait; }

void ProductRecord::forget_setback(const Sha256& content) {
  std::erase_if(setbacks, [&](const auto& one) { return one.content == content; });
}

void ProductRecord::mark_damaged(std::string found, bool needs_package, bool asked, Time now) {
  const auto* const here = find(current);
  if (here == nullptr) return;
  if (!damage || damage->content != here->entry.content) damage = DamageMark{here->entry.content, {}, now};
  damage->found = messages::shortened(std::move(found), kLongestKeptReason);
  damage->needs_package = needs_package;
  if (!asked) return;
  damage->is_asked = true;
  damage->is_held = false;
  damage->bounces = damage->failures = 0;
  damage->not_before = {};
}

const DamageMark* ProductRecord::repair_due(Time now) const {
  const auto* const here = find(current);
  if (!damage || damage->is_held || journal || here == nullptr || here->entry.content != damage->content)
    return nullptr;
  const bool waits = now < damage->not_before && damage->not_before - now <= kLongestWait;
  return waits ? nullptr : &*damage;
}

void ProductRecord::note_failed_repair(Time now, bool is_bounce) {
  if (!damage) return;
  damage->not_before = now + wait_after(++damage->failures);
  if (is_bounce && ++damage->bounces >= kMostBounces) damage->is_held = true;
}

void ProductRecord::note_mended(const std::vector<std::string>& paths, Time now) {
  for (const auto& path : paths) {
    const auto before = std::ranges::find(mended, path, &Mended::path);
    std::int64_t count = 0;
    if (before != mended.end()) {
      if (now - before->at < kMendingsWithin) count = before->count;
      mended.erase(before);
    }
    mended.push_back({path, count + 1, now});
  }
  if (mended.size() > kMostMended) mended.erase(mended.begin(), mended.end() - kMostMended);
}

bool ProductRecord::is_mended_often(const std::string& path, Time now) const {
  const auto found = std::ranges::find(mended, path, &Mended::path);
  return found != mended.end() && found->count >= kMostMendings && now - found->at < kMendingsWithin;
}

void ProductRecord::put_aside(messages::Quarantined recipe) {
  if (quarantined(recipe.package, recipe.base) != nullptr) return;
  recipe.reason = messages::shortened(std::move(recipe.reason), kLongestKeptReason);
  quarantine.push_back(std::move(recipe));
  if (quarantine.size() > messages::kMostQuarantined) quarantine.erase(quarantine.begin());
}

void ProductRecord::keep(messages::Outcome outcome) {
  outcome.reason = messages::shortened(std::move(outcome.reason), kLongestKeptReason);
  last_outcome = outcome.number;
  outcomes.push_back(std::move(outcome));
  if (outcomes.size() > kMostKeptOutcomes) outcomes.erase(outcomes.begin());
}

Json to_json(const ProductRecord& record) {
  Json releases = Json::array();
  for (const auto& one : record.releases) {
    releases.push_back({{"entry", trust::to_json(one.entry)}, {"installed_at", upswarm::to_string(one.installed_at)}});
  }
  Json bad = Json::array();
  for (const auto& one : record.bad) {
    bad.push_back({{"content", one.content.hex()},
                   {"version", one.version},
                   {"reason", messages::shortened(one.reason, kLongestKeptReason)},
                   {"at", upswarm::to_string(one.at)}});
  }
  Json outcomes = Json::array();
  for (const auto& one : record.outcomes) outcomes.push_back(messages::to_json(one));
  Json value{{"format", 1},
             {"product", record.product},
             {"current", record.current},
             {"releases", std::move(releases)},
             {"highest", counter_to_json(record.highest)},
             {"floor", counter_to_json(record.floor)},
             {"bad", std::move(bad)},
             {"outcomes", std::move(outcomes)},
             {"last_outcome", record.last_outcome}};
  for (const auto& one : record.setbacks) {
    value["setbacks"].push_back({{"content", one.content.hex()},
                                 {"version", one.version},
                                 {"reason", messages::shortened(one.reason, kLongestKeptReason)},
                                 {"count", one.count},
                                 {"interruptions", one.interruptions},
                                 {"not_before", upswarm::to_string(one.not_before)}});
  }
  if (!record.owed.empty()) value["owed"] = record.owed;
  for (const auto& one : record.quarantine) value["quarantine"].push_back(messages::to_json(one));
  if (const auto& mark = record.damage) {
    value["damage"] = {{"content", mark->content.hex()},
                       {"found", messages::shortened(mark->found, kLongestKeptReason)},
                       {"at", upswarm::to_string(mark->at)},
                       {"needs_package", mark->needs_package},
                       {"failures", mark->failures}};
    if (mark->failures > 0) value["damage"]["not_before"] = upswarm::to_string(mark->not_before);
    if (mark->bounces > 0) value["damage"]["bounces"] = mark->bounces;
    if (mark->is_asked) value["damage"]["asked"] = true;
    if (mark->is_held) value["damage"]["held"] = true;
  }
  for (const auto& one : record.mended)
    value["mended"].push_back({{"path", one.path}, {"count", one.count}, {"at", upswarm::to_string(one.at)}});
  if (record.checked) value["checked"] = upswarm::to_string(*record.checked);
  if (record.journal) value["journal"] = to_json(*record.journal);
  return value;
}

Result<ProductRecord> parse_record(std::string_view text, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = kLongestRecord, .deepest = 16}));
  ObjectReader in(json, what);
  in.integer("format", 1, 1);
  ProductRecord record;
  record.product = in.parsed("product", trust::parse_name).value_or("");
  record.current = in.text("current", 128);
  for (const auto& one : in.array("releases", kMostKnown)) {
    UPSWARM_TRY(auto release, read_known(in.inside(one, "releases", record.releases.size())));
    record.releases.push_back(std::move(release));
  }
  record.highest = read_counter(in, "highest");
  record.floor = read_counter(in, "floor");
  for (const auto& one : in.array("bad", kMostKnown)) {
    UPSWARM_TRY(auto bad, read_bad(in.inside(one, "bad", record.bad.size())));
    record.bad.push_back(std::move(bad));
  }
  for (const auto& one : in.array_or_none("setbacks", kMostSetbacks)) {
    UPSWARM_TRY(auto setback, read_setback(in.inside(one, "setbacks", record.setbacks.size())));
    record.setbacks.push_back(std::move(setback));
  }
  record.owed = in.texts_or_none("owed", trust::kMostServices);
  for (const auto& one : in.array_or_none("quarantine", messages::kMostQuarantined)) {
    auto inside = in.inside(one, "quarantine", record.quarantine.size());
    UPSWARM_TRY(auto recipe, messages::read_quarantined(inside));
    record.quarantine.push_back(std::move(recipe));
  }
  if (in.has("damage")) {
    UPSWARM_TRY(record.damage, read_damage(in.inside(in.object("damage"), "damage")));
  }
  for (const auto& one : in.array_or_none("mended", kMostMended)) {
    UPSWARM_TRY(auto mended, read_mended(in.inside(one, "mended", record.mended.size())));
    record.mended.push_back(std::move(mended));
  }
  if (in.has("checked")) record.checked = in.parsed("checked", parse_time).value_or(Time{});
  if (in.has("journal")) {
    UPSWARM_TRY(record.journal, read_journal(in.inside(in.object("journal"), "journal")));
  }
  in.array("outcomes", kMostKeptOutcomes);
  UPSWARM_TRY(record.outcomes, messages::parse_outcomes(json));
  record.last_outcome = in.integer("last_outcome", 0, kMax);
  UPSWARM_CHECK(in.finish_open());
  return record;
}

Result<ProductRecord> RecordStore::load(const std::string& product) {
  const auto text = read_file(files_, file_of(product), kLongestRecord);
  if (text) return parse_record(*text, file_of(product).string());
  if (text.error().kind != ErrorKind::not_found) return text.error();
  ProductRecord record;
  record.product = product;
  return record;
}

Result<std::int64_t> RecordStore::next_outcome(const std::vector<std::string>& products, const ProductRecord& record) {
  auto highest = std::max(least_, record.last_outcome);
  for (const auto& product : products) {
    UPSWARM_TRY(const auto other, load(product));
    highest = std::max(highest, other.last_outcome);
  }
  return highest + 1;
}

Result<void> RecordStore::save(const ProductRecord& record) {
  const auto write = [&] {
    return write_file_atomically(files_, file_of(record.product), to_text(to_json(record), 1), 0600);
  };
  auto saved = write();
  if (saved || saved.error().kind != ErrorKind::no_space) return saved;
  UPSWARM_TRY(const auto has_reserve, exists(files_, reserve()));
  if (!has_reserve) return saved;
  log::warning("the disk is full: the reserve is given up for the record", {{"product", record.product}});
  UPSWARM_CHECK(files_.remove_file(reserve()));
  return write();
}

Result<void> RecordStore::keep_reserve() {
  UPSWARM_TRY(const auto there, exists(files_, reserve()));
  if (there) return {};
  // Not zeros, which a file system may keep in no space at all.
  return write_file_atomically(files_, reserve(), as_text(random_bytes(kReserve)), 0600);
}

}  // namespace upswarm::installer
