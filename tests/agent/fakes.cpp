#include "tests/agent/fakes.hpp"

#include <algorithm>

namespace upswarm::tests {

trust::PackageFile make_file(const std::string& name, Bytes length) {
  return {.path = "pkg/app/linux-x64/" + name,
          .length = length,
          .sha256 = sha256("bytes of " + name),
          .info_hash = sha256(name).hex().substr(0, 40),
          .piece_length = 16_KiB};
}

trust::Entry make_entry(const std::string& version, std::int64_t n) {
  trust::Entry entry;
  entry.counter = {1, n};
  entry.version = version;
  entry.content = sha256("content of " + version);
  entry.full = make_file(version + "/app-" + version + ".upk", 1000_B);
  entry.index_length = 300_B;  // too long for parts of it to be looked for
  entry.index_digest = sha256("index of " + version);
  entry.salt = "salt";
  return entry;
}

void add_delta(trust::Entry& entry, const trust::Entry& base, Bytes length) {
  auto file = make_file(
      entry.version + "/app-" + base.version + "-" + entry.version + "-" + std::to_string(length.count) + ".upd",
      length);
  entry.deltas.push_back({base.version, base.content, std::move(file)});
}

messages::Outcome make_outcome(std::int64_t number, const std::string& to, const std::string& result) {
  messages::Outcome outcome;
  outcome.number = number;
  outcome.product = "app";
  outcome.from = "1.0.0";
  outcome.to = to;
  outcome.running = result == "completed" ? to : "1.0.0";
  outcome.kind = "full";
  outcome.result = result;
  outcome.at = Time(std::chrono::seconds(1'800'000'000 + number));
  outcome.milliseconds = 1500;
  return outcome;
}

Result<HttpResponse> FakeHttpClient::send(const HttpRequest& request, std::stop_token /*stop*/) {
  requests.push_back(request);
  if (down) return *down;
  HttpResponse response;
  if (request.method == "POST") {
    posted.push_back(request.body);
    if (post_error) return *post_error;
    if (!answers.empty()) {
      response.body = answers.front();
      answers.pop_front();
    }
    response.status = post_statuses.empty() ? 200 : post_statuses.front();
    if (!post_statuses.empty()) post_statuses.pop_front();
    return response;
  }
  if (const auto status = statuses.find(request.url); status != statuses.end()) {
    response.status = status->second;
    return response;
  }
  const auto found = bodies.find(request.url);
  if (found == bodies.end()) {
    response.status = 404;
    return response;
  }
  const auto etag = "\"" + sha256(found->second).hex() + "\"";
  response.headers["etag"] = etag;
  const bool same = std::ranges::find(request.headers, std::pair<std::string, std::string>("If-None-Match", etag)) !=
                    request.headers.end();
  response.status = same ? 304 : 200;
  if (!same) response.body = found->second;
  return response;
}

std::size_t FakeHttpClient::count(const std::string& url_end) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(requests, [&](const auto& one) { return one.url.ends_with(url_end); }));
}

Result<agent::Downloaded> FakeSwarm::fetch(const agent::DownloadRequest& request,
                                           std::chrono::milliseconds /*patience*/, const agent::DownloadSink& progress,
                                           std::stop_token /*stop*/) {
  fetched.push_back(request);
  if (during_fetch) during_fetch();
  const auto failure = failures.find(request.file.sha256);
  progress({{}, request.file.length, {}, 0, 0});
  for (const auto& came : comes) progress({came.verified(), request.file.length, came, 0, 0});
  if (failure != failures.end()) {
    agent::BytesBySource came;
    came.site = before_failure;
    progress({before_failure, request.file.length, came, 100, 2});
    return failure->second;
  }
  if (range_failure && !request.parts.empty()) return *range_failure;
  view.here.insert(view.here.end(), request.pieces.begin(), request.pieces.end());
  std::ranges::sort(view.here);
  agent::Downloaded downloaded{"/cache/" + request.file.sha256.hex(), {}};
  downloaded.by_source.site = request.file.length;
  progress({request.file.length, request.file.length, downloaded.by_source, 100, 2});
  return downloaded;
}

Result<agent::SwarmView> FakeSwarm::look(const agent::DownloadRequest& /*request*/, std::stop_token /*stop*/) {
  return view;
}

Result<std::map<trust::InfoHash, int>> FakeSwarm::count_seeds(std::vector<trust::InfoHash> packages,
                                                              std::stop_token /*stop*/) {
  asked_about.push_back(std::move(packages));
  if (tracker_error) return *tracker_error;
  return seeds;
}

Result<void> FakeSwarm::keep_only(const std::vector<agent::DownloadRequest>& requests) {
  kept = requests;
  return {};
}

void FakeInstaller::add_product(const std::string& name, const trust::Entry* installed) {
  messages::ProductState product;
  product.product = name;
  product.channel = "stable";
  product.platform = "linux-x64";
  product.counter = {1, 0};
  if (installed != nullptr) {
    product.version = installed->version;
    product.content = installed->content;
    product.counter = installed->counter;
  }
  state.products.push_back(std::move(product));
}

Result<void> FakeInstaller::answers() {
  if (down) return *down;
  if (silent_ > 0) {
    --silent_;
    return Error{ErrorKind::unreachable, "reach the installer", "it restarts", "no_installer"};
  }
  return {};
}

Result<messages::Hello> FakeInstaller::hello(std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  return state;
}

Result<std::vector<messages::ProductDecision>> FakeInstaller::offer_metadata(
    const std::map<std::string, std::string>& files, std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  offers.push_back(files);
  if (offer_error) return *offer_error;
  std::vector<messages::ProductDecision> decisions;
  for (const auto& product : state.products) {
    messages::ProductDecision decision{
        product.product, messages::ProductDecision::Kind::current, {}, "it is the newest"};
    const auto wanted = wants.find(product.product);
    if (const auto hold = holds.find(product.product); hold != holds.end()) {
      decision.kind = messages::ProductDecision::Kind::held;
      decision.reason = hold->second;
    } else if (wanted != wants.end() && product.content != wanted->second.content) {
      decision.kind = messages::ProductDecision::Kind::wanted;
      decision.entry = wanted->second;
    }
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

Result<messages::Presence> FakeInstaller::present(const std::string& product, const std::vector<Sha256>& contents,
                                                  std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  if (present_error) return *present_error;
  messages::Presence presence;
  for (const auto& content : contents) {
    verified.push_back(content);
    const auto installed = std::ranges::any_of(
        state.products, [&](const auto& one) { return one.product == product && one.content == content; });
    if (const auto broken = damage.find(content); broken != damage.end())
      presence.damaged.push_back({content, broken->second});
    else if (installed || on_disk.contains(content)) presence.present.push_back(content);
  }
  return presence;
}

Result<void> FakeInstaller::offer_package(const std::string& product, const Sha256& sha256, const Path& /*file*/,
                                          bool more, std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  packages.push_back(sha256);
  if (const auto refusal = refusals.find(sha256); refusal != refusals.end()) return refusal->second;
  if (more) {
    is_chain_ = true;
    return {};
  }
  const bool is_full = sha256 == wants.at(product).full.sha256;
  begin_work(product, is_full ? "full" : std::exchange(is_chain_, false) ? "chain" : "delta", sha256);
  return {};
}

Result<messages::MissingParts> FakeInstaller::missing(const std::string& /*product*/, const Path& /*file*/,
                                                      std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  if (lacks) return *lacks;
  return Error{ErrorKind::invalid, "ask the installer for missing", "it does not know this question"};
}

Result<void> FakeInstaller::offer_parts(const std::string& product, const Sha256& sha256, const Path& /*file*/,
                                        std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  parts_of.push_back(sha256);
  begin_work(product, "sparse", sha256);
  if (ending_of_parts) {
    ending_->result = ending_of_parts->result;
    ending_->reason = ending_of_parts->reason;
  }
  return {};
}

Result<messages::MissingParts> FakeInstaller::damaged(const std::string& product, const Path& file,
                                                      std::stop_token stop) {
  ++damaged_asked;
  return missing(product, file, std::move(stop));
}

Result<void> FakeInstaller::offer_repair(const std::string& product, const Sha256& sha256, const Path& /*file*/,
                                         std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  repaired_by.push_back(sha256);
  const auto state_of = std::ranges::find(state.products, product, &messages::ProductState::product);
  const auto wanted = std::exchange(wants, {{product, state_of->repair.value()}});
  begin_work(product, "repair", sha256);
  wants = wanted;
  if (ending_->result == "completed") state_of->repair.reset();
  return {};
}

Result<void> FakeInstaller::install_kept(const std::string& product, std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  from_disk.push_back(product);
  begin_work(product, "nothing", wants.at(product).content);
  return {};
}

void FakeInstaller::begin_work(const std::string& product, const std::string& kind, const Sha256& told_by) {
  coming_ = wants.at(product);
  auto ending = make_outcome(++number_, coming_->version, "completed");
  if (const auto told = endings.find(told_by); told != endings.end()) {
    ending.result = told->second.result;
    ending.reason = told->second.reason;
  }
  ending.product = product;
  ending.kind = kind;
  ending_ = ending;
  running_.assign(work.begin(), work.end());
  busy_ = true;
  silent_ = silent_questions;
}

void FakeInstaller::end_work() {
  busy_ = false;
  if (!ending_) return;
  for (auto& product : state.products) {
    if (product.product != ending_->product || ending_->result != "completed") continue;
    if (product.content != coming_->content) product.repair.reset();
    product.version = coming_->version;
    product.content = coming_->content;
    product.counter = coming_->counter;
  }
  kept.push_back(*std::exchange(ending_, std::nullopt));
}

Result<std::vector<messages::ProductProgress>> FakeInstaller::progress(std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  if (running_.empty()) {
    if (busy_) end_work();
    return std::vector<messages::ProductProgress>();
  }
  auto now = running_.front();
  running_.pop_front();
  return now;
}

Result<std::vector<messages::Outcome>> FakeInstaller::outcomes(std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  return kept;
}

Result<void> FakeInstaller::forget_outcomes(std::int64_t up_to, std::stop_token /*stop*/) {
  UPSWARM_CHECK(answers());
  forgotten.push_back(up_to);
  std::erase_if(kept, [&](const auto& one) { return one.number <= up_to; });
  return {};
}

agent::Pause pause_by(FakeClock& clock) {
  return [&clock](std::chrono::milliseconds duration, const std::stop_token&) {
    clock.advance(std::chrono::ceil<std::chrono::seconds>(duration));
  };
}

}  // namespace upswarm::tests
