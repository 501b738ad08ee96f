#include <algorithm>

#include "installer/guard.hpp"
#include "installer/service.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

bool is_administrator(const PeerIdentity& peer) { return peer.user == 0 || peer.user == own_user(); }

}  // namespace

Result<Json> InstallerService::answer(const PeerIdentity& peer, const std::string& word, const Json& question,
                                      std::unique_ptr<InputFile> file) {
  if (word == "confirm") return confirm(peer, question);
  const bool administrators_only = word == "rollback" || word == "clear_bad";
  if (!is_administrator(peer) && (administrators_only || peer.user != agent_user_)) {
    return Error{ErrorKind::denied, "ask the installer for " + word.substr(0, 40),
                 administrators_only ? "only an administrator may do that" : "only the agent's account may do that"};
  }
  const std::lock_guard lock(mutex_);
  if (word == "hello") return hello();
  if (word == "offer_metadata") return offer_metadata(question);
  if (word == "offer_package") return offer_package(question, std::move(file));
  if (word == "progress") return progress();
  if (word == "outcomes") return outcomes();
  if (word == "forget_outcomes") return forget_outcomes(question);
  if (word == "rollback") return rollback(question);
  if (word == "clear_bad") return clear_bad(question);
  return Error{ErrorKind::invalid, "ask the installer for " + word.substr(0, 40), "it does not know this question"};
}

Result<Json> InstallerService::hello() {
  messages::Hello hello;
  hello.root_version = gate_.root_version();
  hello.machine_id = machine_id_;
  for (const auto& product : config_.products) {
    UPSWARM_TRY(const auto record, records_.load(product.product));
    messages::ProductState state;
    state.product = product.product;
    state.channel = product.channel;
    state.platform = product.platform;
    state.prerelease = product.prerelease;
    state.busy = busy_ == product.product;
    state.counter = {1, 0};
    if (const auto* const current = record.find(record.current)) {
      state.version = current->entry.version;
      state.content = current->entry.content;
      state.counter = current->entry.counter;
    }
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
  if (busy_ == product.product) {
    answer.reason = "held: the installer is at work on it";
    return answer;
  }
  UPSWARM_TRY(auto record, records_.load(product.product));
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
      answer.kind = messages::ProductDecision::Kind::wanted;
      answer.entry = judgement.decision.entry;
      wanted_[product.product] = {*judgement.decision.entry, content, judgement.fresh_until};
      break;
  }
  return answer;
}

Result<Json> InstallerService::offer_package(const Json& question, std::unique_ptr<InputFile> file) {
  ObjectReader in(question, "offer_package");
  const auto name = in.text("product", 64);
  const auto digest = in.parsed("sha256", parse_sha256);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  if (!file) return Error{ErrorKind::invalid, "offer_package", "no file came along"};
  const auto wanted = wanted_.find(name);
  if (wanted == wanted_.end()) {
    return Error{ErrorKind::invalid, "offer_package", "no release of " + name + " is wanted; offer metadata first"};
  }
  if (std::max(clock_.now(), gate_.now()) >= wanted->second.fresh_until) {
    const auto until = upswarm::to_string(wanted->second.fresh_until);
    wanted_.erase(wanted);
    return Error{ErrorKind::invalid, "offer_package",
                 "the metadata by which " + name + " was wanted expired at " + until + "; offer newer metadata first",
                 "expired"};
  }
  const auto& entry = wanted->second.entry;
  Job job{.product = product, .entry = entry, .package = {}, .file = std::move(file), .rollback_to = {}};
  if (entry.full.sha256 == *digest) {
    job.package = entry.full;
  } else {
    const auto delta = std::ranges::find_if(entry.deltas, [&](const auto& one) {
      return one.file.sha256 == *digest && wanted->second.installed == one.from_content;
    });
    if (delta == entry.deltas.end()) {
      return Error{
          ErrorKind::untrusted, "offer_package",
          "it is neither the full package of " + name + " " + entry.version + " nor a delta from what is installed",
          "wrong_digest"};
    }
    job.package = delta->file;
  }
  UPSWARM_TRY(const auto info, job.file->info());
  if (info.type != FileType::regular || info.size != job.package.length) {
    return Error{ErrorKind::untrusted, "offer_package",
                 "it must be a regular file of exactly " + std::to_string(job.package.length.count) + " bytes",
                 "wrong_length"};
  }
  UPSWARM_CHECK(start(std::move(job)));
  wanted_.erase(name);
  return Json{{"accepted", true}};
}

Result<Json> InstallerService::progress() {
  Json products = Json::array();
  if (busy_) {
    auto now = progress_;
    if (now.product.empty()) now.product = *busy_;
    products.push_back(messages::to_json(now));
  }
  return Json{{"products", std::move(products)}};
}

Result<Json> InstallerService::outcomes() {
  Json list = Json::array();
  for (const auto& product : config_.products) {
    if (busy_ == product.product) continue;  // the record is the worker's until it is done
    UPSWARM_TRY(const auto record, records_.load(product.product));
    for (const auto& outcome : record.outcomes) list.push_back(messages::to_json(outcome));
  }
  return Json{{"outcomes", std::move(list)}};
}

Result<Json> InstallerService::forget_outcomes(const Json& question) {
  ObjectReader in(question, "forget_outcomes");
  const auto up_to = in.integer("up_to", 0, kMax);
  UPSWARM_CHECK(in.finish_open());
  if (busy_) return Error{ErrorKind::busy, "forget outcomes", "the installer is at work on " + *busy_};
  for (const auto& product : config_.products) {
    UPSWARM_TRY(auto record, records_.load(product.product));
    const auto forgotten = std::erase_if(record.outcomes, [&](const auto& one) { return one.number <= up_to; });
    if (forgotten != 0) UPSWARM_CHECK(records_.save(record));
  }
  return Json::object();
}

Result<Json> InstallerService::rollback(const Json& question) {
  ObjectReader in(question, "rollback");
  const auto name = in.text("product", 64);
  const auto version = in.text_or("version", "", 128);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  UPSWARM_CHECK(start(Job{.product = product, .entry = {}, .package = {}, .file = {}, .rollback_to = version}));
  return Json{{"accepted", true}};
}

Result<Json> InstallerService::clear_bad(const Json& question) {
  ObjectReader in(question, "clear_bad");
  const auto name = in.text("product", 64);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  if (busy_ == product->product)
    return Error{ErrorKind::busy, "clear bad releases", "the installer is at work on " + name};
  UPSWARM_TRY(auto record, records_.load(name));
  const auto count = record.bad.size();
  record.bad.clear();
  UPSWARM_CHECK(records_.save(record));
  return Json{{"cleared", count}};
}

Result<Json> InstallerService::confirm(const PeerIdentity& peer, const Json& question) {
  ObjectReader in(question, "confirm");
  const auto name = in.text("product", 64);
  const auto token = in.text("token", 128);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto* const product, find_product(name));
  UPSWARM_CHECK(confirmations_.confirm(product->product, token, peer.user));
  return Json::object();
}

}  // namespace upswarm::installer
