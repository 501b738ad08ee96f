#include "agent/announcer.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <utility>

#include "agent/bencode.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"
#include "protocol/messages/announce.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Bytes kLongestAnswer = 64_KiB;
constexpr auto kAnnounceLimit = seconds(10);
constexpr auto kStoppedLimit = seconds(1);
constexpr auto kLongestDelay = std::chrono::minutes(5);
constexpr auto kAskNetworkEvery = std::chrono::minutes(1);
constexpr std::int64_t kMostSeeds = 1'000'000;
constexpr std::size_t kMostPeers = 200;
constexpr std::size_t kHashLength = 20;
constexpr std::size_t kLongestReason = 200;

Error wrong_answer(std::string cause) {
  return {ErrorKind::corrupt, "read the tracker's answer", std::move(cause), "announce"};
}

std::uint16_t port_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[at]) << 8U) |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

template <typename Address>
Endpoint read_compact(std::string_view bytes) {
  typename Address::bytes_type raw{};
  std::copy_n(bytes.begin(), raw.size(), raw.begin());
  return {Address(raw).to_string(), port_at(bytes, raw.size())};
}

template <typename Address>
Result<void> read_peers(const BencodeValue& answer, std::string_view key, std::vector<Endpoint>& peers) {
  constexpr auto kSize = std::tuple_size_v<typename Address::bytes_type> + 2;
  const auto* value = answer.find(key);
  if (!value) return {};
  if (!value->text() || value->text()->size() % kSize != 0) return wrong_answer(std::string(key) + " are not compact");
  for (std::string_view rest = *value->text(); !rest.empty() && peers.size() < kMostPeers; rest.remove_prefix(kSize)) {
    auto peer = read_compact<Address>(rest);
    if (peer.port != 0) peers.push_back(std::move(peer));
  }
  return {};
}

Result<seconds> read_seconds(const BencodeValue& answer, std::string_view key, seconds otherwise) {
  const auto* value = answer.find(key);
  if (!value) return otherwise;
  if (!value->integer()) return wrong_answer(std::string(key) + " is no number");
  return seconds(std::clamp<std::int64_t>(*value->integer(), 1, 3600));
}

/// The text under a key, of 1 to `longest` bytes; nothing where the key is missing.
Result<std::optional<std::string>> read_text(const BencodeValue& answer, std::string_view key, std::size_t longest) {
  const auto* value = answer.find(key);
  if (!value) return std::optional<std::string>();
  if (!value->text() || value->text()->empty() || value->text()->size() > longest) {
    return wrong_answer(std::string(key) + " is no text of 1 to " + std::to_string(longest) + " bytes");
  }
  return std::optional(*value->text());
}

Result<std::optional<std::vector<Network>>> read_ranges(const BencodeValue& answer, std::string_view key) {
  const auto* value = answer.find(key);
  if (!value) return std::optional<std::vector<Network>>();
  if (!value->list() || value->list()->size() > messages::kMostRanges) {
    return wrong_answer(std::string(key) + " are no list of at most " + std::to_string(messages::kMostRanges));
  }
  std::vector<Network> ranges;
  for (const auto& one : *value->list()) {
    if (!one.text()) return wrong_answer(std::string(key) + " are not all texts");
    UPSWARM_TRY(ranges.emplace_back(), parse_network(*one.text()));
  }
  return std::optional(std::move(ranges));
}

Result<void> read_site(const BencodeValue& value, AnnounceAnswer& answer) {
  UPSWARM_TRY(answer.site, read_text(value, messages::kSite, messages::kLongestSiteName));
  UPSWARM_TRY(const auto token, read_text(value, messages::kLease, messages::kLongestLease));
  if (token) {
    UPSWARM_TRY(const auto valid, read_seconds(value, messages::kLeaseSeconds, answer.interval));
    answer.lease = {*token, valid};
  }
  UPSWARM_TRY(answer.ranges, read_ranges(value, messages::kRanges));
  UPSWARM_TRY(auto others, read_ranges(value, messages::kOtherRanges));
  answer.other_ranges = std::move(others).value_or(std::vector<Network>());
  return {};
}

std::string percent_encoded(ByteView bytes) {
  std::string text;
  for (const auto byte : bytes) text += "%" + to_hex(ByteView(&byte, 1));
  return text;
}

/// 5,000 machines that start together must not stay in step: between 90 and 110 percent.
milliseconds with_jitter(milliseconds delay) { return delay * (90 + random_below(21)) / 100; }

/// A tracker's own words, fit for a log and a terminal.
std::string words_of(const std::string& text) {
  auto words = text.substr(0, kLongestReason);
  for (auto& c : words) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return words;
}

Result<BencodeValue> read_answer(std::string_view body) {
  UPSWARM_TRY(auto value, parse_bencode(body, "the tracker's answer"));
  if (!value.dictionary()) return wrong_answer("not a dictionary");
  if (const auto* failure = value.find("failure reason")) {
    return Error{ErrorKind::denied, "announce", failure->text() ? words_of(*failure->text()) : "no reason given",
                 "announce"};
  }
  return value;
}

bool is_any_address(const std::string& address) {
  boost::system::error_code problem;
  const auto parsed = boost::asio::ip::make_address(address, problem);
  return problem || parsed.is_unspecified();
}

}  // namespace

std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('/'));
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

Result<AnnounceAnswer> parse_announce_answer(std::string_view body) {
  UPSWARM_TRY(const auto value, read_answer(body));
  AnnounceAnswer answer;
  UPSWARM_TRY(answer.interval, read_seconds(value, "interval", answer.interval));
  UPSWARM_TRY(answer.min_interval, read_seconds(value, "min interval", answer.min_interval));
  UPSWARM_CHECK(read_peers<boost::asio::ip::address_v4>(value, "peers", answer.peers));
  UPSWARM_CHECK(read_peers<boost::asio::ip::address_v6>(value, "peers6", answer.peers));
  if (const auto* origin = value.find(messages::kOrigin)) {
    if (!origin->text() || (origin->text()->size() != 6 && origin->text()->size() != 18)) {
      return wrong_answer("upswarm origin is no compact address");
    }
    answer.origin = origin->text()->size() == 6 ? read_compact<boost::asio::ip::address_v4>(*origin->text())
                                                : read_compact<boost::asio::ip::address_v6>(*origin->text());
  }
  UPSWARM_CHECK(read_site(value, answer));
  return answer;
}

std::string announce_target(const AnnounceQuery& query) {
  const auto hash = from_hex(query.id).value_or({});
  auto url = "/announce?info_hash=" + percent_encoded(hash) + "&peer_id=" + percent_encoded(as_bytes(query.peer_id)) +
             "&port=" + std::to_string(query.port) + "&uploaded=" + std::to_string(query.stats.uploaded.count) +
             "&downloaded=" + std::to_string(query.stats.downloaded.count) +
             "&left=" + std::to_string(query.stats.left.count) +
             "&compact=1&numwant=" + (query.stats.wants_peers ? "50" : "0");
  if (!query.event.empty()) url += "&event=" + std::string(query.event);
  url += "&" + std::string(messages::kAgentKey) + "=1&" + messages::kLeadKey + (query.stats.may_lead ? "=1" : "=0");
  if (!query.network.empty()) url += "&" + std::string(messages::kNetworkKey) + "=" + query.network;
  return url;
}

std::string scrape_target(const std::vector<trust::InfoHash>& ids, const std::string& network) {
  auto url = "/scrape?" + std::string(messages::kAgentKey) + "=1";
  if (!network.empty()) url += "&" + std::string(messages::kNetworkKey) + "=" + network;
  for (const auto& id : ids) url += "&info_hash=" + percent_encoded(from_hex(id).value_or({}));
  return url;
}

Result<std::map<trust::InfoHash, int>> parse_scrape_answer(std::string_view body) {
  UPSWARM_TRY(const auto value, read_answer(body));
  const auto* const files = value.find("files");
  if (!files || !files->dictionary() || files->dictionary()->size() > messages::kMostScraped)
    return wrong_answer("files are no dictionary of at most " + std::to_string(messages::kMostScraped));
  std::map<trust::InfoHash, int> seeds;
  for (const auto& [id, counts] : *files->dictionary()) {
    const auto* const complete = counts.find("complete");
    const auto* const count = complete ? complete->integer() : nullptr;
    if (id.size() != kHashLength || !count || *count < 0 || *count > kMostSeeds)
      return wrong_answer("complete is no such number of a torrent");
    seeds[to_hex(as_bytes(id))] = static_cast<int>(*count);
  }
  return seeds;
}

milliseconds announce_delay(const AnnounceAnswer& answer, const AnnounceStats& stats, int failures) {
  if (failures > 0) {
    const auto doubled = milliseconds(seconds(2)) * (1 << std::min(failures - 1, 8));
    return std::min<milliseconds>(doubled, kLongestDelay);
  }
  milliseconds delay = answer.interval;
  if (stats.wants_peers && !answer.site) delay = std::min<milliseconds>(delay, answer.min_interval);
  if (answer.lease) delay = std::min<milliseconds>(delay, milliseconds(answer.lease->valid) / 2);
  return delay;
}

Announcer::Announcer(HttpClient& http, AnnouncerSettings settings)
    : http_(http),
      settings_(std::move(settings)),
      peer_id_("-UP0100-" + to_hex(random_bytes(6))),
      for_all_([this](const std::stop_token& stop) { run(stop, false); }),
      for_urgent_([this](const std::stop_token& stop) { run(stop, true); }) {}

Announcer::~Announcer() {
  for (auto* thread : {&for_all_, &for_urgent_}) thread->request_stop();
  for (auto* thread : {&for_all_, &for_urgent_}) thread->join();
  const auto deadline = Clock::now() + kStoppedLimit;
  for (const auto& [id, task] : tasks_) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (task.has_started && task.failures == 0 && left > milliseconds(0)) say_stopped(id, left);
  }
}

void Announcer::add(const trust::InfoHash& id, AskStats ask, TellAnswer tell) {
  {
    const std::lock_guard lock(mutex_);
    const auto [task, is_new] = tasks_.try_emplace(id);
    task->second.due = Clock::now();
    if (is_new) {
      task->second.ask = std::move(ask);
      task->second.tell = std::move(tell);
    }
  }
  note_change();
}

void Announcer::hurry(const trust::InfoHash& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return;
    found->second.due = Clock::now();
    found->second.is_urgent = true;
  }
  note_change();
}

void Announcer::remove(const trust::InfoHash& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) return;
    if (found->second.has_started && found->second.failures == 0) removed_.push_back(id);
    tasks_.erase(found);
  }
  note_change();
}

std::string Announcer::trouble(const trust::InfoHash& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? std::string() : found->second.trouble;
}

void Announcer::note_change() {
  {
    const std::lock_guard lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

/// The one that is due first of those that nobody announces.
Announcer::Tasks::iterator Announcer::next_task(bool only_urgent) {
  auto next = tasks_.end();
  for (auto one = tasks_.begin(); one != tasks_.end(); ++one) {
    if (one->second.is_busy || (only_urgent && !one->second.is_urgent)) continue;
    if (next == tasks_.end() || one->second.due < next->second.due) next = one;
  }
  return next;
}

void Announcer::run(const std::stop_token& stop, bool only_urgent) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!only_urgent && !removed_.empty()) {
      const auto id = removed_.back();
      removed_.pop_back();
      lock.unlock();
      say_stopped(id, kStoppedLimit);
      lock.lock();
      continue;
    }
    const auto is_changed = [this, seen = changes_] { return changes_ != seen; };
    const auto next = next_task(only_urgent);
    if (next == tasks_.end()) {
      changed_.wait(lock, stop, is_changed);
    } else if (const auto due = next->second.due; due > Clock::now()) {
      changed_.wait_until(lock, stop, due, is_changed);
    } else {
      const auto id = next->first;
      const auto task = next->second;
      next->second.due = Clock::now() + kLongestDelay;  // an earlier one afterwards: a hurry() came meanwhile
      next->second.is_busy = true;
      lock.unlock();
      announce(id, task, stop);
      lock.lock();
      if (const auto done = tasks_.find(id); done != tasks_.end()) done->second.is_busy = false;
      ++changes_;
      changed_.notify_all();
    }
  }
}

void Announcer::announce(const trust::InfoHash& id, const Task& task, const std::stop_token& stop) {
  const auto stats = task.ask();
  if (!stats) return plan(id, seconds(1));
  AnnounceQuery query{id, peer_id_, settings_.listen.port, *stats, "", network()};
  if (!task.has_started) {
    query.event = "started";
  } else if (stats->left == 0_B && !task.was_complete) {
    query.event = "completed";
  }
  auto answer = send(query, kAnnounceLimit, stop);
  if (answer) {
    if (!answer->origin && !answer->site) answer->origin = origin_by_name();
    task.tell(*answer);
  } else if (answer.error().kind != ErrorKind::cancelled) {
    log::debug("announce failed", {{"torrent", id}, {"why", answer.error().message()}});
  }
  note(id, *stats, answer);
}

void Announcer::note(const trust::InfoHash& id, const AnnounceStats& stats, const Result<AnnounceAnswer>& answer) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) {
    if (answer) removed_.push_back(id);  // removed meanwhile, so the tracker does not know yet
    return;
  }
  auto& now = found->second;
  if (!answer && answer.error().kind == ErrorKind::cancelled) {
    now.has_started = true;  // the tracker may have heard it
    return;
  }
  now.failures = answer ? 0 : now.failures + 1;
  now.trouble = answer ? std::string() : answer.error().message();
  if (answer) {
    now.answer = *answer;
    now.has_started = true;
    now.was_complete = stats.left == 0_B;
  }
  const bool was_hurried = now.due <= Clock::now();
  now.is_urgent = was_hurried || stats.wants_peers;
  now.due = std::min(now.due, Clock::now() + with_jitter(announce_delay(now.answer, stats, now.failures)));
}

void Announcer::plan(const trust::InfoHash& id, milliseconds delay) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(id);
  if (found != tasks_.end()) found->second.due = std::min(found->second.due, Clock::now() + delay);
}

void Announcer::say_stopped(const trust::InfoHash& id, milliseconds longest) {
  ignore_failure(send({id, peer_id_, settings_.listen.port, {}, "stopped", ""}, longest, {}),
                 "the tracker forgets us by itself, too");
}

Result<AnnounceAnswer> Announcer::send(const AnnounceQuery& query, milliseconds longest, std::stop_token stop) {
  // Only who wants a lease has to be known, and a signature takes the seeder longer than the rest of an announce.
  UPSWARM_TRY(const auto body, ask(announce_target(query), query.stats.may_lead, longest, std::move(stop)));
  return parse_announce_answer(body);
}

Result<std::map<trust::InfoHash, int>> Announcer::scrape(std::vector<trust::InfoHash> ids, milliseconds longest,
                                                         std::stop_token stop) {
  if (ids.empty()) return std::map<trust::InfoHash, int>();
  ids.resize(std::min(ids.size(), messages::kMostScraped));
  UPSWARM_TRY(const auto body, ask(scrape_target(ids, network()), false, longest, std::move(stop)));
  return parse_scrape_answer(body);
}

Result<std::string> Announcer::ask(const std::string& target, bool is_signed, milliseconds longest,
                                   std::stop_token stop) {
  const auto& seeder = settings_.seeder_url;
  HttpRequest request{.url = seeder.substr(0, seeder.find_last_not_of('/') + 1) + target};
  if (settings_.sign && is_signed) request.headers = settings_.sign(request.method, target);
  request.longest = kLongestAnswer;
  request.time_limit = longest;
  if (!is_any_address(settings_.listen.address)) request.from = settings_.listen.address;
  UPSWARM_TRY(auto response, http_.send(request, std::move(stop)));
  if (response.status != 200) {
    return Error{ErrorKind::unreachable, "ask the tracker at " + seeder,
                 "HTTP status " + std::to_string(response.status)};
  }
  return std::move(response.body);
}

Endpoint Announcer::origin_by_name() {
  const std::lock_guard lock(places_mutex_);
  if (!origin_) {
    boost::asio::io_context context;
    boost::system::error_code problem;
    const auto found = boost::asio::ip::tcp::resolver(context).resolve(host_of(settings_.seeder_url), "", problem);
    origin_ = problem || found.empty() ? Endpoint{} : Endpoint{found.begin()->endpoint().address().to_string(), 0};
  }
  return *origin_;
}

std::string Announcer::network() {
  const std::lock_guard lock(places_mutex_);
  if (!settings_.network) return {};
  if (!network_asked_ || Clock::now() - *network_asked_ >= kAskNetworkEvery) {
    network_ = settings_.network();
    network_asked_ = Clock::now();
  }
  return network_;
}

}  // namespace upswarm::agent
