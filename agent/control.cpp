#include "agent/control.hpp"

#include <algorithm>

#include "agent/plan_record.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/version.hpp"

namespace upswarm::agent {
namespace {

constexpr std::int64_t kUsualHistory = 20;

Error not_deferrable(const std::string& product, const std::string& version) {
  return {ErrorKind::denied, "put off " + product + " " + version,
          "the release is urgent, or its publisher does not allow it", "not_deferrable"};
}

}  // namespace

Control::Control(StatusBoard& board, StateStore& store, Swarm& swarm, const Clock& clock, Wake wake, AskManners manners)
    : board_(board),
      store_(store),
      swarm_(swarm),
      clock_(clock),
      wake_(std::move(wake)),
      manners_(std::move(manners)) {}

Result<Json> Control::answer(const std::string& word, const Json& question) {
  if (word == "status") return status();
  if (word == "check") return Json{{"cycle", wake_({.full_refresh = true})}};
  if (word == "update") return update(question);
  if (word == "defer") return defer(question);
  if (word == "skip") return skip(question);
  if (word == "history") return history(question);
  if (word == "sessions") return sessions(question);
  if (word == "why") return why(question);
  if (word == "forget_bad") return forget_bad();
  return Error{ErrorKind::invalid, "ask the agent for " + word.substr(0, 40), "it does not know this question"};
}

Result<Json> Control::status() {
  auto status = board_.snapshot();
  status.uploaded = swarm_.uploaded();
  UPSWARM_TRY(status.reports_waiting, store_.count_waiting_reports());
  for (auto& product : status.products) {
    UPSWARM_TRY(const auto wish, store_.wish_of(product.product));
    product.skipped = wish.skipped;
    if (!wish.deferred_until || *wish.deferred_until <= clock_.now()) continue;
    const auto waiting = board_.waiting(product.product);
    product.deferred_until = wish.deferred_until;
    if (!waiting) continue;
    if (waiting->latest_put_off) product.deferred_until = std::min(*wish.deferred_until, *waiting->latest_put_off);
    else product.deferred_until.reset();
  }
  return messages::to_json(status);
}

Result<void> Control::check_product(const std::string& product) const {
  const auto products = board_.snapshot().products;
  if (std::ranges::find(products, product, &messages::ProductStatus::product) != products.end()) return {};
  return Error{ErrorKind::not_found, "product \"" + product + "\"", "this machine has no such product"};
}

Result<Json> Control::defer(const Json& question) {
  ObjectReader in(question, "defer", ErrorKind::invalid);
  const auto product = in.text("product", 64);
  const auto duration = in.parsed("duration", parse_duration, 64);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_CHECK(check_product(product));
  const std::chrono::milliseconds longest = kLongestDeferral;
  auto until = clock_.now() + std::chrono::ceil<std::chrono::seconds>(std::min(*duration, longest));
  if (const auto waiting = board_.waiting(product)) {
    if (!waiting->latest_put_off) return not_deferrable(product, waiting->version);
    until = std::min(until, *waiting->latest_put_off);
  }
  UPSWARM_CHECK(store_.defer(product, until));
  log::info("put off by a user", {{"product", product}, {"until", upswarm::to_string(until)}});
  return Json{{"until", upswarm::to_string(until)}};
}

Result<Json> Control::skip(const Json& question) {
  ObjectReader in(question, "skip", ErrorKind::invalid);
  const auto product = in.text("product", 64);
  const auto version = in.parsed("version", Version::parse, 128);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_CHECK(check_product(product));
  const auto waiting = board_.waiting(product);
  if (waiting && waiting->version == version->text() && !waiting->latest_put_off) {
    return not_deferrable(product, waiting->version);
  }
  UPSWARM_CHECK(store_.skip(product, version->text()));
  log::info("skipped by a user", {{"product", product}, {"version", version->text()}});
  return Json::object();
}

Result<Json> Control::update(const Json& question) {
  ObjectReader in(question, "update", ErrorKind::invalid);
  const auto product = in.text_or("product", "", 64);
  UPSWARM_CHECK(in.finish_open());
  if (product.empty()) return Json{{"cycle", wake_({.full_refresh = true, .install_now = true})}};
  UPSWARM_CHECK(check_product(product));
  return Json{{"cycle", wake_({.full_refresh = true, .install_now = false, .products = {product}})}};
}

Result<Json> Control::why(const Json& question) {
  ObjectReader in(question, "why", ErrorKind::invalid);
  const auto product = in.text_or("product", "", 64);
  UPSWARM_CHECK(in.finish_open());
  if (!product.empty()) UPSWARM_CHECK(check_product(product));
  messages::WhyAnswer answer;
  for (const auto& one : board_.snapshot().products) {
    if (!product.empty() && one.product != product) continue;
    UPSWARM_TRY(auto plan, load_plan(store_, one.product));
    answer.products.push_back({one.product, one.phase, one.wanted, one.detail, std::move(plan)});
  }
  const auto manners = manners_();
  answer.may_upload = manners.may_upload;
  answer.may_lead = manners.may_lead;
  for (const auto& gate : manners.gates)
    answer.gates.push_back({gate.name, gate.value, gate.set_by, gate.is_open, gate.says});
  for (const auto& source : swarm_.sources()) answer.sources.push_back({source.name, source.is_used, source.says});
  return messages::to_json(answer);
}

/// Whoever asks: it costs one more download, and the installer's quarantine is its own.
Result<Json> Control::forget_bad() {
  UPSWARM_TRY(const auto count, store_.forget_bad_packages());
  return Json{{"cleared", count}};
}

Result<Json> Control::history(const Json& question) {
  ObjectReader in(question, "history", ErrorKind::invalid);
  const auto limit = in.integer_or("limit", kUsualHistory, 1, messages::kMostHistory);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto items, store_.history(limit));
  return messages::history_to_json(items);
}

Result<Json> Control::sessions(const Json& question) {
  ObjectReader in(question, "sessions", ErrorKind::invalid);
  const auto limit = in.integer_or("limit", kUsualHistory, 1, messages::kMostSessions);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(const auto sessions, store_.sessions(limit));
  return messages::sessions_to_json(sessions);
}

}  // namespace upswarm::agent
