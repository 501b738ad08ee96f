#include "agent/status_board.hpp"

#include <algorithm>

#include "agent/advice.hpp"

namespace upswarm::agent {

messages::SourceBytes to_source_bytes(const BytesBySource& bytes) {
  return {bytes.disk, bytes.site, bytes.other, bytes.origin_bt, bytes.origin_http, bytes.wasted};
}

StatusBoard::StatusBoard(std::string machine_id, std::string seeder_url) {
  status_.program_version = UPSWARM_VERSION;
  status_.machine_id = std::move(machine_id);
  status_.seeder_url = std::move(seeder_url);
  status_.state = "starting";
  status_.enrolment = "the agent has just started";
}

void StatusBoard::begin_cycle() {
  const std::lock_guard lock(mutex_);
  status_.state = "working";
  status_.next_poll.reset();
}

void StatusBoard::end_cycle(const std::string& result, const std::optional<Error>& error, Time now) {
  const std::lock_guard lock(mutex_);
  ++status_.cycles_ended;
  status_.last_result = error ? "failed" : result;
  status_.state = error ? "failing" : "idle";
  status_.last_error.reset();
  if (error) {
    status_.last_error =
        messages::TroubleStatus{std::string(to_string(error->kind)), error->message(), advice_for(*error), now};
  }
}

void StatusBoard::set_next_poll(Time at) {
  const std::lock_guard lock(mutex_);
  status_.next_poll = at;
}

void StatusBoard::set_polled(Time at) {
  const std::lock_guard lock(mutex_);
  status_.last_poll = at;
}

void StatusBoard::set_expiry(Time at, std::string role) {
  const std::lock_guard lock(mutex_);
  status_.metadata_expires = at;
  status_.expires_role = std::move(role);
}

void StatusBoard::set_seeding(std::size_t packages) {
  const std::lock_guard lock(mutex_);
  status_.seeding = static_cast<std::int64_t>(packages);
}

void StatusBoard::set_machine_key(const std::string& public_key) {
  const std::lock_guard lock(mutex_);
  status_.machine_key = public_key;
}

void StatusBoard::set_enrolment(const std::string& why_not) {
  constexpr std::size_t kLongest = 1000;
  const std::lock_guard lock(mutex_);
  status_.enrolled = why_not.empty();
  status_.enrolment = messages::shortened(why_not, kLongest);
}

void StatusBoard::set_products(const messages::Hello& hello) {
  const std::lock_guard lock(mutex_);
  status_.machine_id = hello.machine_id;
  std::vector<messages::ProductStatus> products;
  for (const auto& state : hello.products) {
    const auto* known = find(state.product);
    auto& product = products.emplace_back(known == nullptr ? messages::ProductStatus{} : *known);
    product.product = state.product;
    product.channel = state.channel;
    product.platform = state.platform;
    product.installed = state.version.value_or("");
    product.quarantine = state.quarantine;
    product.damage = state.damage;
    product.is_best_effort = state.is_best_effort;
  }
  status_.products = std::move(products);
}

bool StatusBoard::set_decision(const std::string& product, const std::string& wanted, const std::string& phase,
                               const std::string& detail) {
  const std::lock_guard lock(mutex_);
  auto* const status = find(product);
  if (status == nullptr) return false;
  const bool is_news = status->wanted != wanted || status->phase != phase || status->detail != detail;
  if (phase == "current") waiting_.erase(product);
  status->wanted = wanted;
  status->phase = phase;
  status->detail = detail;
  status->bytes_per_second = 0;
  status->peers = 0;
  status->time_left.reset();
  status->done = status->total = {};
  return is_news;
}

void StatusBoard::set_session(const std::string& product, const std::string& version, SessionState state,
                              const std::string& detail) {
  const std::lock_guard lock(mutex_);
  auto* const status = find(product);
  if (status == nullptr) return;
  if (state == SessionState::checking) status->bytes = {};
  status->wanted = version;
  status->phase = to_string(state);
  status->detail = detail;
  status->bytes_per_second = 0;
  status->peers = 0;
  status->time_left.reset();
  status->done = status->total = {};
}

void StatusBoard::set_download(const std::string& product, const DownloadProgress& progress,
                               const std::string& detail) {
  const std::lock_guard lock(mutex_);
  auto* const status = find(product);
  if (status == nullptr) return;
  status->detail = detail;
  status->done = progress.done;
  status->total = progress.total;
  status->bytes = to_source_bytes(progress.by_source);
  status->bytes_per_second = progress.bytes_per_second;
  status->peers = std::max(progress.peers, 0);
  status->time_left.reset();
  if (progress.bytes_per_second > 0 && progress.total > progress.done) {
    const auto seconds = (progress.total - progress.done).count / progress.bytes_per_second;
    constexpr std::uint64_t kMostSeconds = 366ULL * 24 * 3600;
    status->time_left = std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, kMostSeconds)));
  }
}

void StatusBoard::set_installing(const std::string& product, const messages::ProductProgress& progress,
                                 SessionState state) {
  const std::lock_guard lock(mutex_);
  auto* const status = find(product);
  if (status == nullptr) return;
  if (!progress.version.empty()) status->wanted = progress.version;
  status->phase = to_string(state);
  status->detail = progress.phase;
  status->done = progress.done;
  status->total = progress.total;
}

void StatusBoard::set_waiting(const std::string& product, Waiting waiting) {
  const std::lock_guard lock(mutex_);
  waiting_[product] = std::move(waiting);
}

messages::AgentStatus StatusBoard::snapshot() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::optional<StatusBoard::Waiting> StatusBoard::waiting(const std::string& product) const {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(product);
  return found == waiting_.end() ? std::nullopt : std::optional(found->second);
}

messages::ProductStatus* StatusBoard::find(const std::string& product) {
  const auto found = std::ranges::find_if(status_.products, [&](const auto& one) { return one.product == product; });
  return found == status_.products.end() ? nullptr : &*found;
}

}  // namespace upswarm::agent
