#include <algorithm>
#include <iterator>
#include <span>

#include "installer/guard.hpp"
#include "installer/service.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostTold = 1000;  // outcomes in one answer: what parse_outcomes takes

/// What the records of this machine say against a release that signed metadata wants. Nothing: nothing.
std::optional<std::string> reason_to_hold(const ProductRecord& record, const trust::Entry& entry, Time now) {
  if (const auto* const setback = record.setback(entry.content); setback != nullptr && setback->holds(now)) {
    return "held: " + setback->version + " was given up here" +
           (setback->count > 1 ? ", try " + std::to_string(setback->count) : "") + "; it is tried again after " +
           upswarm::to_string(setback->not_before) + ", or after upswarm clear-bad: " + setback->reason;
  }
  const auto* const current = record.find(record.current);
  if (current == nullptr || current->entry.layout == entry.layout) return std::nullopt;
  return "held: " + layout_change(current->entry, entry);
}

std::string words_of(const DamageMark& damage, const std::string& product) {
  const auto next = damage.is_held ? "it waits for `upswarm repair " + product + "`"
                    : damage.failures > 0
                        ? "its repair failed, the next try is after " + upswarm::to_string(damage.not_before)
                        : std::string("it is repaired by itself");
  return damage.found + " (since " + upswarm::to_string(damage.at) + "; " + next + ")";
}

messages::ProductState state_of(const ProductConfig& product, const ProductRecord& record) {
  messages::ProductState state;
  state.product = product.product;
  state.channel = product.channel;
  state.platform = product.platform;
  state.prerelease = product.prerelease;
  state.counter = {1, 0};
  state.quarantine = record.quarantine;
  if (const auto* const current = record.find(record.current)) {
    state.version = current->entry.version;
    state.content = current->entry.content;
    state.counter = current->entry.counter;
    state.is_best_effort = current->entry.layout == trust::kForeignLayout;
    if (record.damage && record.damage->content == current->entry.content)
      state.damage = words_of(*record.damage, product.product);
  }
  if (const auto* const before = record.newest_before_current()) state.before = before->entry.content;
  return state;
}

bool is_administrator(const PeerIdentity& peer) { return peer.user == 0 || peer.user == own_user(); }

}  // namespace

/// Of parts the file may end early.
Result<void> InstallerService::check_length(InputFile& file, const trust::PackageFile& package, bool is_part) {
  UPSWARM_TRY(const auto info, file.info());
  const bool fits = is_part ? info.size <= package.length : info.size == package.length;
  if (info.type == FileType::regular && fits) return {};
  return Error{ErrorKind::untrusted, "take a package",
               "it must be a regular file of " + std::string(is_part ? "at most " : "exactly ") +
                   std::to_string(package.length.count) + " bytes",
               "wrong_length"};
}

LocalTerms InstallerService::admit(const PeerIdentity& peer) const {
  if (peer.user == agent_user_) return {.kind = "the agent", .most = 6};
  if (is_administrator(peer)) return {.kind = "administrators", .most = 2};
  // Who confirms has one short question.
  const auto kind = confirmations_.is_awaited_from(peer.user) ? "user " + std::to_string(peer.user) : "others";
  return {.kind = kind, .most = 4, .longest_frame = 4_KiB, .idle = std::chrono::seconds(5), .files = false};
}

Result<Json> InstallerService::answer(const PeerIdentity& peer, const std::string& word, const Json& question,
                                      std::unique_ptr<InputFile> file, const std::stop_token& stop) {
  if (word == "confirm") return confirm(peer, question);
  const bool looks_through = word == "verify" || word == "repair";
  const bool administrators_only = looks_through || word == "rollback" || word == "clear_bad";
  if (!is_administrator(peer) && (administrators_only || peer.user != agent_user_)) {
    return Error{ErrorKind::denied, "ask the installer for " + word.substr(0, 40),
                 administrators_only ? "only an administrator may do that" : "only the agent's account may do that"};
  }
  if (word == "present") return present(question, stop);
  if (word == "missing") return missing(question, std::move(file), stop);
  if (word == "damaged") return damaged(question, std::move(file), stop);
  if (looks_through) return look_through(word, question, stop);
  std::unique_lock lock(mutex_);
  if (administrators_only) end_reading(lock);
  if (word == "hello") return hello(question);
  if (word == "offer_metadata") return offer_metadata(question);
  if (word == "offer_package") return offer_package(question, std::move(file));
  if (word == "install_kept") return install_kept(question);
  if (word == "offer_repair") return offer_repair(question, std::move(file));
  if (word == "progress") return progress();
  if (word == "outcomes") return outcomes(question);
  if (word == "forget_outcomes") return forget_outcomes(question);
  if (word == "rollback") return rollback(question);
  if (word == "clear_bad") return clear_bad(question);
  return Error{ErrorKind::invalid, "ask the installer for " + word.substr(0, 40), "it does not know this question"};
}

Result<Json> InstallerService::hello(const Json& question) {
  ObjectReader in(question, "hello");
  const bool knows_repair = in.boolean_or("repair", false);
  UPSWARM_CHECK(in.finish_open());
  messages::Hello hello;
  hello.root_version = gate_.root_version();
  hello.machine_id = machine_id_;
  for (const auto& product : config_.products) {
    UPSWARM_TRY(const auto record, records_.load(product.product));
    auto state = state_of(product, record);
    state.busy = is_recovering_ || busy_ == product.product;
    if (const auto* const mark = knows_repair ? repair_due(record) : nullptr; mark && mark->needs_package)
      state.repair = record.find(record.current)->entry;
    hello.products.push_back(std::move(state));
  }
  return messages::to_json(hello);
}

Result<Json> InstallerService::offer_metadata(const Json& question) {
  UPSWARM_TRY(auto offer, messages::parse_offer(question));
  UPSWARM_CHECK(gate_.take_in(std::move(offer)));
  Json decisions = Json::array();
  for (const auto& product : config_.products) {
    auto decision = judge(product);
    if (!decision) {
      messages::ProductDecision held;
      held.product = product.product;
      held.reason = "held: " + decision.error().message();
      decision = std::move(held);
    }
    decisions.push_back(messages::to_json(*decision));
  }
  return Json{{"decisions", std::move(decisions)}};
}

Result<messages::ProductDecision> InstallerService::judge(const ProductConfig& product) {
  messages::ProductDecision answer;
  answer.product = product.product;
  wanted_.erase(product.product);
  // The record is the worker's, whichever product it is at: the next one's turn may come at any moment.
  UPSWARM_CHECK(is_at_rest("judge what was offered"));
  if (busy_ == product.product) {
    answer.reason = "held: the installer is at work on it";
    return answer;
  }
  UPSWARM_TRY(auto record, records_.load(product.product));
  if (record.journal) {
    answer.reason = "held: the installation of " + record.journal->to.version + " is not finished (" +
                    std::string(to_string(record.journal->phase)) + "); it is gone on with by itself";
    return answer;
  }
  trust::MachineFacts facts;
  facts.machine_id = machine_id_;
  facts.ring = config_.ring;
  facts.highest_committed = record.highest;
  facts.floor = record.floor;
  facts.accepts_prerelease = product.prerelease;
  facts.now = clock_.now();
  for (const auto& bad : record.bad) facts.bad.push_back(bad.content);
  std::optional<Sha256> content;
  if (const auto* const current = record.find(record.current)) {
    facts.installed_version = current->entry.version;
    facts.installed = current->entry.counter;
    facts.content = content = current->entry.content;
  }
  UPSWARM_TRY(const auto judgement, gate_.judge(product, facts));
  if (judgement.floor > record.floor) {
    record.floor = judgement.floor;
    UPSWARM_CHECK(records_.save(record));
  }
  answer.reason = judgement.decision.reason;
  switch (judgement.decision.kind) {
    case trust::Decision::Kind::current: answer.kind = messages::ProductDecision::Kind::current; break;
    case trust::Decision::Kind::held: answer.kind = messages::ProductDecision::Kind::held; break;
    case trust::Decision::Kind::wanted:
      if (auto why = reason_to_hold(record, *judgement.decision.entry, facts.now)) {
        answer.reason = *std::move(why);
        break;
      }
      answer.kind = messages::ProductDecision::Kind::wanted;
      answer.entry = judgement.decision.entry;
      wanted_[product.product] = {.entry = *judgement.decision.entry,
                                  .installed = content,
                                  .fresh_until = judgement.fresh_until,
                                  .releases = judgement.releases,
                                  .steps = {},
                                  .files = {}};
      break;
  }
  return answer;
}

/// An administrator's question goes first: what only reads ends, and nothing of the kind begins before his answer.
void InstallerService::end_reading(std::unique_lock<std::mutex>& lock) {
  ++administrators_;
  if (reading_) reading_->request_stop();
  read_.wait(lock, [this] { return !reading_; });
  --administrators_;
}

/// Until what is being read now is read; nothing of the kind begins before.
void InstallerService::await_reading(std::unique_lock<std::mutex>& lock) {
  ++administrators_;
  read_.wait(lock, [this] { return !reading_; });
  --administrators_;
}

Result<void> InstallerService::may_read(const std::string& doing) const {
  if (administrators_ > 0)
    return Error{ErrorKind::busy, doing, "an administrator's question goes first", "administrator_first"};
  return may_begin(doing);
}

/// What only reads, and may take minutes. Meanwhile the product is busy, so that nothing changes under it; a look
/// through a tree at rest goes on beside it.
Result<void> InstallerService::without_lock(std::unique_lock<std::mutex>& lock, const std::string& product,
                                            const std::stop_token& stop, const Reading& work) {
  busy_ = product;
  std::stop_source ending;
  reading_ = ending;
  lock.unlock();
  auto result = [&] {
    const std::stop_callback forward(stop, [&ending] { ending.request_stop(); });
    return work(ending.get_token());
  }();
  lock.lock();
  busy_.reset();
  reading_.reset();
  progress_ = {};
  read_.notify_all();
  if (!result && result.error().kind == ErrorKind::cancelled && !stop.stop_requested()) {
    result =
        Error{ErrorKind::busy, result.error().context, "an administrator's question goes first", "administrator_first"};
  }
  return result;
}

Result<Json> InstallerService::present(const Json& question, const std::stop_token& stop) {
  ObjectReader in(question, "present");
  const auto name = in.text("product", 64);
  const auto texts = in.texts_or_none("contents", messages::kMostPresent);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  std::unique_lock lock(mutex_);
  UPSWARM_CHECK(may_read("verify what is on disk"));
  UPSWARM_TRY(const auto* const wanted, find_wanted(name, "present"));
  UPSWARM_TRY(const auto record, records_.load(name));
  const auto* const kept = record.find(wanted->entry.version);
  std::vector<Sha256> contents;
  for (const auto& text : texts) {
    UPSWARM_TRY(const auto content, parse_sha256(text));
    const bool is_kept = kept != nullptr && kept->entry.content == content && content == wanted->entry.content;
    if (is_kept || content == wanted->installed) contents.push_back(content);
  }
  messages::Presence presence;
  UPSWARM_CHECK(without_lock(lock, name, stop, [&](const std::stop_token& ending) -> Result<void> {
    UPSWARM_TRY(presence, installation_of(*product).present(contents, ending));
    return {};
  }));
  return messages::to_json(presence);
}

Result<Json> InstallerService::missing(const Json& question, std::unique_ptr<InputFile> file,
                                       const std::stop_token& stop) {
  ObjectReader in(question, "missing");
  const auto name = in.text("product", 64);
  const bool with_frames = in.boolean_or("frames", false);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  if (!file) return Error{ErrorKind::invalid, "missing", "no file came along", "no_file"};
  std::unique_lock lock(mutex_);
  UPSWARM_CHECK(may_read("look for what is missing"));
  UPSWARM_TRY(const auto* const wanted, find_wanted(name, "missing"));
  const auto entry = wanted->entry;  // what is wanted may change meanwhile
  UPSWARM_CHECK(check_length(*file, entry.full, true));
  messages::MissingParts missing;
  UPSWARM_CHECK(without_lock(lock, name, stop, [&](const std::stop_token& ending) -> Result<void> {
    UPSWARM_TRY(missing, installation_of(*product).missing(entry, std::move(file), with_frames,
                                                           sink_for(name, entry.version), ending));
    return {};
  }));
  return messages::to_json(missing);
}

/// A release that is wanted, by metadata that is still fresh.
Result<InstallerService::Wanted*> InstallerService::find_wanted(const std::string& product, const std::string& doing) {
  const auto wanted = wanted_.find(product);
  if (wanted == wanted_.end()) {
    return Error{ErrorKind::invalid, doing, "no release of " + product + " is wanted; offer metadata first"};
  }
  if (std::max(clock_.now(), gate_.now()) < wanted->second.fresh_until) return &wanted->second;
  const auto until = upswarm::to_string(wanted->second.fresh_until);
  wanted_.erase(wanted);
  return Error{ErrorKind::invalid, doing,
               "the metadata by which " + product + " was wanted expired at " + until + "; offer newer metadata first",
               "expired"};
}

/// What the package is, by its signed digest alone, and whether it may come next.
Result<PackageStep> InstallerService::find_step(Wanted& wanted, const std::string& product, const Sha256& digest,
                                                bool more, bool is_sparse) {
  const auto& entry = wanted.entry;
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorKind::untrusted, "offer_package",
                 "it is neither the full package of " + product + " " + entry.version + " nor " + why, "wrong_digest"};
  };
  if (digest == entry.full.sha256) {
    if (more) return refuse("a part of a chain");
    wanted.steps.clear();
    wanted.files.clear();
    return PackageStep{entry.full, entry.version, entry.content, is_sparse};
  }
  if (is_sparse) return refuse("a package that can be taken in parts");
  const auto find_delta = [&](const trust::Entry& release, const std::optional<Sha256>& from) {
    const auto found = std::ranges::find_if(release.deltas, [&](const auto& one) {
      return one.file.sha256 == digest && from && *from == one.from_content &&
             (more || release.content == entry.content);
    });
    return found == release.deltas.end() ? nullptr : &*found;
  };
  const auto find_in_all = [&](const std::optional<Sha256>& from) -> std::optional<PackageStep> {
    if (const auto* const delta = find_delta(entry, from))
      return PackageStep{delta->file, entry.version, entry.content};
    for (const auto& release : wanted.releases) {
      if (const auto* const delta = find_delta(release, from))
        return PackageStep{delta->file, release.version, release.content};
    }
    return std::nullopt;
  };
  if (auto first = find_in_all(wanted.installed)) {
    wanted.steps.clear();
    wanted.files.clear();
    return *std::move(first);
  }
  if (wanted.steps.empty()) return refuse("a delta from what is installed");
  if (wanted.steps.size() >= messages::kLongestChain) return refuse("a part of a chain that is not too long");
  auto next = find_in_all(wanted.steps.back().content);
  if (!next) return refuse("a delta from " + wanted.steps.back().version + ", to which the one before leads");
  return *std::move(next);
}

Result<Json> InstallerService::offer_package(const Json& question, std::unique_ptr<InputFile> file) {
  ObjectReader in(question, "offer_package");
  const auto name = in.text("product", 64);
  const auto digest = in.parsed("sha256", parse_sha256);
  const bool more = in.boolean_or("more", false);
  const bool is_sparse = in.boolean_or("sparse", false);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  if (!file) return Error{ErrorKind::invalid, "offer_package", "no file came along", "no_file"};
  UPSWARM_CHECK(may_begin("offer_package"));
  UPSWARM_TRY(auto* const wanted, find_wanted(name, "offer_package"));
  UPSWARM_TRY(auto step, find_step(*wanted, name, *digest, more, is_sparse));
  UPSWARM_TRY(const auto record, records_.load(name));
  std::optional<Sha256> base;
  if (is_sparse || step.package.sha256 != wanted->entry.full.sha256)
    base = wanted->steps.empty() ? wanted->installed : wanted->steps.back().content;
  if (const auto* const bad = record.quarantined(step.package.sha256, base)) {
    return Error{ErrorKind::untrusted, "offer_package", "it was tried on the same base before: " + bad->reason,
                 "quarantined"};
  }
  UPSWARM_CHECK(check_length(*file, step.package, is_sparse));
  wanted->steps.push_back(std::move(step));
  wanted->files.push_back(std::move(file));
  if (more) return Json{{"accepted", true}};
  UPSWARM_CHECK(start(Job{.product = product,
                          .entry = wanted->entry,
                          .steps = std::move(wanted->steps),
                          .files = std::move(wanted->files),
                          .rollback_to = {}}));
  wanted_.erase(name);
  return Json{{"accepted", true}};
}

Result<Json> InstallerService::install_kept(const Json& question) {
  ObjectReader in(question, "install_kept");
  const auto name = in.text("product", 64);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  UPSWARM_TRY(const auto* const wanted, find_wanted(name, "install_kept"));
  UPSWARM_CHECK(start(Job{.product = product, .entry = wanted->entry, .steps = {}, .files = {}, .rollback_to = {}}));
  wanted_.erase(name);
  return Json{{"accepted", true}};
}

Result<Json> InstallerService::progress() {
  Json products = Json::array();
  if (busy_) {
    auto now = progress_;
    if (now.product.empty()) now.product = *busy_;
    if (reading_) now.phase = "reading";
    products.push_back(messages::to_json(now));
  }
  return Json{{"products", std::move(products)}};
}

Result<Json> InstallerService::outcomes(const Json& question) {
  ObjectReader in(question, "outcomes");
  const bool all = in.boolean_or("all", false);
  UPSWARM_CHECK(in.finish_open());
  std::vector<messages::Outcome> list;
  for (const auto& product : config_.products) {
    UPSWARM_TRY(const auto record, records_.load(product.product));
    std::ranges::copy_if(record.outcomes, std::back_inserter(list),
                         [&](const auto& one) { return all || one.number > acknowledged_; });
  }
  std::ranges::sort(list, {}, &messages::Outcome::number);
  const auto most = std::min(list.size(), kMostTold);
  Json told = Json::array();
  for (const auto& one : std::span(list).subspan(all ? list.size() - most : 0, most))
    told.push_back(messages::to_json(one));
  return Json{{"outcomes", std::move(told)}};
}

/// They stay in the records: no word of the agent's takes the machine's history away.
Result<Json> InstallerService::forget_outcomes(const Json& question) {
  ObjectReader in(question, "forget_outcomes");
  const auto up_to = in.integer("up_to", 0, kMax);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_CHECK(may_begin("forget outcomes"));
  std::int64_t highest = 0;
  for (const auto& product : config_.products) {
    UPSWARM_TRY(const auto record, records_.load(product.product));
    highest = std::max(highest, record.last_outcome);
  }
  const auto mark = std::min(up_to, highest);  // of what comes later nobody has heard
  if (mark <= acknowledged_) return Json::object();
  UPSWARM_CHECK(write_file_atomically(files_, config_.state_folder / kAcknowledged, std::to_string(mark), 0600));
  acknowledged_ = mark;
  return Json::object();
}

Result<Json> InstallerService::rollback(const Json& question) {
  ObjectReader in(question, "rollback");
  const auto name = in.text("product", 64);
  const auto version = in.text_or("version", "", 128);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  UPSWARM_CHECK(is_at_rest("roll back " + name));
  if (rollback_)
    return Error{ErrorKind::busy, "roll back " + name, "a rollback of " + rollback_->product->product + " waits"};
  // What the agent handed over was wanted on what ran until now.
  if (job_) log::warning("work not begun: a rollback goes first", {{"product", job_->product->product}});
  if (job_ || !busy_) busy_ = name;
  job_.reset();
  wanted_.erase(name);
  end_check();
  rollback_ = Job{.product = product, .entry = {}, .steps = {}, .files = {}, .rollback_to = version};
  wake_.notify_all();
  return Json{{"accepted", true}};
}

Result<Json> InstallerService::clear_bad(const Json& question) {
  ObjectReader in(question, "clear_bad");
  const auto name = in.text("product", 64);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  UPSWARM_CHECK(is_at_rest("clear bad releases"));
  if (busy_ == product->product)
    return Error{ErrorKind::busy, "clear bad releases", "the installer is at work on " + name};
  UPSWARM_TRY(auto record, records_.load(name));
  const auto count = record.bad.size() + record.setbacks.size() + record.quarantine.size();
  record.bad.clear();
  record.setbacks.clear();
  record.quarantine.clear();
  UPSWARM_CHECK(records_.save(record));
  return Json{{"cleared", count}};
}

Result<Json> InstallerService::confirm(const PeerIdentity& peer, const Json& question) {
  ObjectReader in(question, "confirm");
  const auto name = in.text("product", 64);
  const auto token = in.text("token", 128);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  UPSWARM_CHECK(confirmations_.confirm(product->product, token, peer));
  return Json::object();
}

}  // namespace upswarm::installer
