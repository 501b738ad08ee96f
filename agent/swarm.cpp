#include "agent/swarm.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "agent/announcer.hpp"
#include "agent/http_share.hpp"
#include "agent/local_discovery.hpp"
#include "agent/own_network.hpp"
#include "agent/package_cache.hpp"
#include "agent/package_fetch.hpp"
#include "agent/parts_choice.hpp"
#include "agent/parts_fetch.hpp"
#include "agent/source_use.hpp"
#include "agent/torrent_session.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr auto kSaveLimit = std::chrono::milliseconds(1500);
constexpr auto kMeetLimit = std::chrono::seconds(3);  // on a LAN a connection takes milliseconds
constexpr auto kLookAgain = std::chrono::milliseconds(50);
constexpr auto kTrackerTime = std::chrono::seconds(1);  // it answers in milliseconds
constexpr auto kScrapeLimit = std::chrono::seconds(4);  // with a connection yet to be made, over a satellite

BytesBySource sum(BytesBySource one, const BytesBySource& other) {
  one.disk += other.disk;
  one.site += other.site;
  one.other += other.other;
  one.origin_bt += other.origin_bt;
  one.origin_http += other.origin_http;
  one.wasted += other.wasted;
  return one;
}

class TorrentSwarm final : public Swarm {
 public:
  TorrentSwarm(SwarmSettings settings, HttpClient& http, PackageCache cache, std::unique_ptr<TorrentSession> session,
               SignRequest sign)
      : settings_(std::move(settings)), http_(http), cache_(std::move(cache)), session_(std::move(session)) {
    manners_ = settings_.manners;
    session_->behave(manners_);
    session_->set_neighbourhood({.site = own_networks()});
    AnnouncerSettings announces{.seeder_url = settings_.seeder_url,
                                .listen = {settings_.listen_address, session_->listen_port()},
                                .network = [host = host_of(settings_.seeder_url)]() -> std::string {
                                  const auto network = network_towards(host, own_networks());
                                  return network ? network->text() : "";
                                },
                                .sign = std::move(sign)};
    announcer_ = std::make_unique<Announcer>(http_, std::move(announces));
    if (!settings_.local_discovery) return;
    discovery_.emplace(
        Endpoint{settings_.listen_address, session_->listen_port()},
        LocalDiscoveryTalk{[this] { return lacking_a_tracker(); },
                           [this](const trust::InfoHash& id) { return is_welcome(id); },
                           [this](const trust::InfoHash& id, const Endpoint& peer) { session_->connect(id, {peer}); }});
  }

  ~TorrentSwarm() override;

  Result<Downloaded> fetch(const DownloadRequest& request, std::chrono::milliseconds patience,
                           const DownloadSink& progress, std::stop_token stop) override;
  Result<SwarmView> look(const DownloadRequest& request, std::stop_token stop) override;
  Result<void> keep_only(const std::vector<DownloadRequest>& requests) override;
  Result<std::map<trust::InfoHash, int>> count_seeds(std::vector<trust::InfoHash> packages,
                                                     std::stop_token stop) override {
    return announcer_->scrape(std::move(packages), kScrapeLimit, std::move(stop));
  }
  void behave(const Manners& manners) override;
  void set_effort(Effort least) override;
  std::vector<SourceUse> sources() const override;
  std::uint16_t listen_port() const override { return session_->listen_port(); }
  Bytes uploaded() const override { return session_->uploaded(); }

 private:
  Result<void> add(const DownloadRequest& request);
  Result<void> drop(const Sha256& package);
  Result<void> fetch_pieces(const DownloadRequest& request, std::chrono::milliseconds patience,
                            const DownloadSink& progress, std::stop_token stop);
  Result<BytesBySource> fetch_parts(const DownloadRequest& request, std::chrono::milliseconds patience,
                                    const DownloadSink& progress, const std::stop_token& stop);
  Result<void> wait_until_checked(const DownloadRequest& request, const std::stop_token& stop);
  Result<SwarmView> meet(const DownloadRequest& request, const std::stop_token& stop);
  std::optional<AnnounceStats> stats_of(const trust::InfoHash& id);
  void take_answer(const trust::InfoHash& id, const AnnounceAnswer& answer);
  void set_fetching(const trust::InfoHash& id, Effort effort, bool meets_only = false);
  Effort effort_of(const DownloadRequest& request) const;
  void lead_or_follow(const trust::InfoHash& id, const AnnounceAnswer& answer, int named);
  std::optional<trust::InfoHash> lacking_a_tracker() const;
  bool is_welcome(const trust::InfoHash& id) const;

  std::uint64_t http_rate() const;

  HttpStanding http_standing_;  ///< of what is being fetched

  SwarmSettings settings_;
  HttpClient& http_;
  PackageCache cache_;
  std::unique_ptr<TorrentSession> session_;

  mutable std::mutex mutex_;                    ///< guards what follows, up to the announcer
  std::map<Sha256, trust::InfoHash> torrents_;  ///< in the session
  std::set<Sha256> verified_;                   ///< by this run, so not to be hashed again
  Manners manners_;
  Effort least_ = Effort::background;
  trust::InfoHash fetching_;
  bool meets_only_ = false;       ///< the origin is left alone
  bool asked_for_peers_ = false;  ///< by the announce under way, for fetching_
  std::optional<int> named_;      ///< neighbours, by the last such announce of fetching_
  std::chrono::steady_clock::time_point fetching_since_;
  bool has_site_ = false;              ///< a seeder has said where neighbours are
  std::string lease_;                  ///< the token, while this machine leads for fetching_
  bool is_alone_ = false;              ///< fetching_ has neither neighbours nor a way to the origin but HTTP
  std::map<Sha256, Bytes> by_ranges_;  ///< that came so in this run

  std::unique_ptr<Announcer> announcer_;     ///< its threads call stats_of and take_answer
  std::optional<LocalDiscovery> discovery_;  ///< last: its thread asks lacking_a_tracker and is_welcome
};

TorrentSwarm::~TorrentSwarm() {
  discovery_.reset();
  announcer_.reset();
  auto saved = session_->saved(kSaveLimit);
  session_.reset();
  std::map<Sha256, std::string> resume;
  for (const auto& [package, id] : torrents_) {
    if (const auto found = saved.find(id); found != saved.end()) resume[package] = std::move(found->second);
  }
  if (const auto closed = cache_.close(resume); !closed) {
    log::warning("the package cache was not closed cleanly: it will be checked", {{"why", closed.error().message()}});
  }
}

Result<Downloaded> TorrentSwarm::fetch(const DownloadRequest& request, std::chrono::milliseconds patience,
                                       const DownloadSink& progress, std::stop_token stop) {
  const auto& id = request.file.info_hash;
  const auto& package = request.file.sha256;
  UPSWARM_CHECK(add(request));
  const auto found = [&]() -> std::optional<Downloaded> {
    const auto state = session_->state(id);
    const std::lock_guard lock(mutex_);
    if (!state || (request.is_whole() && !verified_.contains(package))) return {};
    if (!state->is_complete && (request.is_whole() || !request.pieces.empty())) return {};
    return Downloaded{cache_.path_of(package), state->bytes};
  };
  if (request.is_whole()) {
    if (auto already = found()) return std::move(*already);
  }
  if (request.is_whole() || !request.pieces.empty()) {
    Bytes later;
    for (const auto& range : ranges_for(request.file, request.parts, request.pieces, {})) later += range.length;
    const auto tell = [&](DownloadProgress now) {
      now.total += later;
      if (progress) progress(now);
    };
    UPSWARM_CHECK(fetch_pieces(request, patience, tell, stop));
  }
  BytesBySource of_parts;
  if (!request.parts.empty()) {
    UPSWARM_TRY(of_parts, fetch_parts(request, patience, progress, stop));
  }
  auto done = found();
  if (!done) return Error{ErrorKind::cancelled, "fetch " + request.file.path, "it is no longer wanted"};
  done->of_parts = of_parts;
  done->by_source = sum(done->by_source, of_parts);
  return std::move(*done);
}

Result<void> TorrentSwarm::fetch_pieces(const DownloadRequest& request, std::chrono::milliseconds patience,
                                        const DownloadSink& progress, std::stop_token stop) {
  const auto& package = request.file.sha256;
  const FetchTools tools{.settings = settings_,
                         .http = http_,
                         .cache = cache_,
                         .session = *session_,
                         .announcer = *announcer_,
                         .effort = [this, &request] { return effort_of(request); },
                         .rate = [this] { return http_rate(); },
                         .lease =
                             [this] {
                               const std::lock_guard lock(mutex_);
                               return lease_;
                             },
                         .is_alone =
                             [this] {
                               const std::lock_guard lock(mutex_);
                               return is_alone_;
                             },
                         .standing = &http_standing_};
  http_standing_.note("", {});
  set_fetching(request.file.info_hash, effort_of(request));
  auto result = PackageFetch(tools, request, patience, progress, std::move(stop)).run();
  set_fetching({}, Effort::background);
  if (!result) {
    if (result.error().kind == ErrorKind::corrupt && result.error().reason == "digest") UPSWARM_CHECK(drop(package));
    return std::move(result).error();
  }
  if (request.is_whole()) {
    const std::lock_guard lock(mutex_);
    verified_.insert(package);
  }
  return {};
}

Result<BytesBySource> TorrentSwarm::fetch_parts(const DownloadRequest& request, std::chrono::milliseconds patience,
                                                const DownloadSink& progress, const std::stop_token& stop) {
  const auto& id = request.file.info_hash;
  UPSWARM_CHECK(wait_until_checked(request, stop));
  session_->hold(id);  // nothing else may write the file
  PartsFetch parts(
      settings_, http_, cache_, request, patience, [this] { return http_rate(); },
      [this, &request] { return effort_of(request); });
  const auto begin = std::chrono::steady_clock::now();
  const auto tell = [&] {
    const auto state = session_->state(id);
    if (!progress || !state) return;
    const auto came = parts.bytes();
    const auto pieces = request.pieces.empty() ? Bytes{} : state->wanted;
    const auto passed = std::chrono::steady_clock::now() - begin;
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
    const auto done = pieces + came.verified();
    progress({done, done + parts.missing(), sum(state->bytes, came),
              elapsed > 0 ? came.origin_http.count * 1000 / static_cast<std::uint64_t>(elapsed) : 0, state->peers,
              parts.trouble()});
  };
  const auto fetched = parts.run(tell, stop);
  tell();
  auto bytes = parts.bytes();
  // What came before a stop was not on disk when this run began.
  const std::lock_guard lock(mutex_);
  auto& before = by_ranges_[request.file.sha256];
  const auto ours = std::min(before, bytes.disk);
  before += bytes.origin_http;
  if (!fetched) return fetched.error();
  bytes.disk -= ours;
  bytes.origin_http += ours;
  return bytes;
}

Result<void> TorrentSwarm::wait_until_checked(const DownloadRequest& request, const std::stop_token& stop) {
  for (;;) {
    const auto state = session_->state(request.file.info_hash);
    const auto what = "look at " + request.file.path;
    if (!state) return Error{ErrorKind::cancelled, what, "it is no longer wanted"};
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, what, "asked to stop"};
    if (state->fault) return Error(*state->fault).within(what);
    if (state->is_checked) return {};
    session_->wait_for_change(kLookAgain);
  }
}

Result<SwarmView> TorrentSwarm::look(const DownloadRequest& request, std::stop_token stop) {
  const auto& id = request.file.info_hash;
  UPSWARM_CHECK(add(request));
  session_->clear_fault(id);
  UPSWARM_CHECK(wait_until_checked(request, stop));
  session_->want(id, request.pieces);
  session_->meet(id);
  set_fetching(id, effort_of(request), true);
  announcer_->hurry(id);
  auto view = meet(request, stop);
  set_fetching({}, Effort::background);
  session_->hold(id);
  return view;
}

Result<SwarmView> TorrentSwarm::meet(const DownloadRequest& request, const std::stop_token& stop) {
  const auto& id = request.file.info_hash;
  const auto deadline = std::chrono::steady_clock::now() + kMeetLimit;
  for (;;) {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "look at " + request.file.path, "asked to stop"};
    const auto state = session_->state(id);
    auto view = session_->view(id);
    std::optional<int> named;
    {
      const std::lock_guard lock(mutex_);
      named = named_;
    }
    const bool knows = named && view.neighbours >= *named;
    const bool has_no_tracker = !named && !announcer_->trouble(id).empty();
    const bool is_over = std::chrono::steady_clock::now() >= deadline;
    view.neighbours = std::max(view.neighbours, named.value_or(0));
    if (!state || state->is_complete || knows || has_no_tracker || is_over) return view;
    session_->wait_for_change(kLookAgain);
  }
}

Result<void> TorrentSwarm::keep_only(const std::vector<DownloadRequest>& requests) {
  UPSWARM_TRY(const auto packages, cache_.packages());
  for (const auto& package : packages) {
    const bool wanted = std::any_of(requests.begin(), requests.end(),
                                    [&](const DownloadRequest& request) { return request.file.sha256 == package; });
    if (!wanted) UPSWARM_CHECK(drop(package));
  }
  Result<void> result;
  for (const auto& request : requests) {
    auto added = cache_.has(request.file.sha256);
    if (added && !*added) continue;
    auto outcome = added ? add(request) : Result<void>(std::move(added).error());
    if (!outcome && result) result = std::move(outcome);
  }
  return result;
}

Result<void> TorrentSwarm::add(const DownloadRequest& request) {
  const auto& id = request.file.info_hash;
  {
    const std::lock_guard lock(mutex_);
    if (!session_->state(id)) {
      UPSWARM_CHECK(session_->add({request.file, request.torrent, PackageCache::file_name(request.file.sha256),
                                   cache_.take_resume(request.file.sha256)}));
      torrents_[request.file.sha256] = id;
    }
  }
  announcer_->add(
      id, [this, id] { return stats_of(id); }, [this, id](const AnnounceAnswer& answer) { take_answer(id, answer); });
  return {};
}

Result<void> TorrentSwarm::drop(const Sha256& package) {
  trust::InfoHash id;
  {
    const std::lock_guard lock(mutex_);
    verified_.erase(package);
    const auto found = torrents_.find(package);
    if (found != torrents_.end()) {
      id = found->second;
      torrents_.erase(found);
    }
  }
  if (!id.empty()) {
    announcer_->remove(id);
    session_->remove(id);
  }
  return cache_.forget(package);
}

void TorrentSwarm::behave(const Manners& manners) {
  {
    const std::lock_guard lock(mutex_);
    const bool is_same = manners.may_upload == manners_.may_upload && manners.rates == manners_.rates;
    manners_ = manners;
    if (is_same) return;
  }
  session_->behave(manners);
}

std::uint64_t TorrentSwarm::http_rate() const {
  trust::InfoHash id;
  RatesByTraffic rates;
  {
    const std::lock_guard lock(mutex_);
    id = fetching_;
    rates = manners_.rates;
  }
  if (of(rates, Traffic::all).download == 0 && of(rates, Traffic::origin).download == 0) return 0;
  return http_share(rates, session_->peers(id));
}

std::optional<AnnounceStats> TorrentSwarm::stats_of(const trust::InfoHash& id) {
  const auto state = session_->state(id);
  if (!state || !state->is_checked) return {};
  const std::lock_guard lock(mutex_);
  const bool wants_peers = fetching_ == id && !state->is_complete;
  if (fetching_ == id) asked_for_peers_ = wants_peers;
  const auto downloaded = state->bytes.verified() - state->bytes.disk;
  const bool may_lead = settings_.may_lead && manners_.may_lead && wants_peers && !meets_only_;
  return AnnounceStats{state->uploaded, downloaded, state->left, wants_peers, may_lead};
}

void TorrentSwarm::take_answer(const trust::InfoHash& id, const AnnounceAnswer& answer) {
  if (answer.origin) session_->set_origin(*answer.origin);
  if (answer.site) {
    session_->set_neighbourhood(
        {.site = answer.ranges ? *answer.ranges : own_networks(), .other = answer.other_ranges});
  } else {
    session_->set_neighbourhood({.is_open = true});
  }
  std::vector<Endpoint> neighbours;
  std::ranges::copy_if(answer.peers, std::back_inserter(neighbours),
                       [&](const Endpoint& peer) { return !answer.origin || !is_origin(peer, *answer.origin); });
  bool takes_all = false;
  {
    const std::lock_guard lock(mutex_);
    has_site_ = true;
    const auto named = static_cast<int>(neighbours.size());
    lead_or_follow(id, answer, named);
    if (fetching_ != id) return;  // whoever wants our pieces comes to us
    if (asked_for_peers_) named_ = named;
    takes_all = !meets_only_ && !answer.site;
  }
  session_->connect(id, takes_all ? answer.peers : neighbours);
}

/// The caller holds the lock, so that what set_fetching says comes before this or after.
void TorrentSwarm::lead_or_follow(const trust::InfoHash& id, const AnnounceAnswer& answer, int named) {
  const bool asked = fetching_ == id && asked_for_peers_;  // an answer to an earlier question says nothing of now
  const bool leads = asked && !meets_only_ && answer.site && answer.lease;
  const auto origin = answer.origin.value_or(Endpoint{});
  if (leads) session_->lead(id, {answer.lease->token, origin}, named);
  else session_->follow(id);
  if (fetching_ != id) return;
  lease_ = leads ? answer.lease->token : "";
  is_alone_ = asked && answer.site && named == 0 && !(leads && origin.port != 0);
}

/// What is being fetched, where its tracker takes its time or cannot be reached.
std::optional<trust::InfoHash> TorrentSwarm::lacking_a_tracker() const {
  trust::InfoHash id;
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    id = fetching_;
    waits = !named_ && std::chrono::steady_clock::now() - fetching_since_ >= kTrackerTime;
  }
  if (id.empty() || (!waits && announcer_->trouble(id).empty())) return {};
  return id;
}

/// Whoever calls lacks what this machine may have. A machine that lacks it, too, hears of its neighbours by the
/// tracker, which nobody can forge.
bool TorrentSwarm::is_welcome(const trust::InfoHash& id) const {
  {
    const std::lock_guard lock(mutex_);
    const bool is_here = std::ranges::any_of(torrents_, [&](const auto& item) { return item.second == id; });
    if (!is_here || id != fetching_) return is_here;
  }
  return lacking_a_tracker() == id;
}

std::vector<SourceUse> TorrentSwarm::sources() const {
  SourceFacts facts;
  trust::InfoHash id;
  {
    const std::lock_guard lock(mutex_);
    id = fetching_;
    facts.knows_sites = has_site_;
    facts.named = named_;
    facts.may_lead = settings_.may_lead && manners_.may_lead;
    facts.leads = !lease_.empty();
    facts.is_alone = is_alone_;
  }
  const auto state = session_->state(id);
  if (id.empty() || !state) return {};
  facts.trouble = announcer_->trouble(id);
  facts.http_trouble = http_standing_.words();
  facts.http_after = settings_.http_after;
  facts.state = *state;
  facts.peers = session_->peers(id);
  facts.shut_out = session_->shut_out();
  return describe_sources(facts);
}

void TorrentSwarm::set_effort(Effort least) {
  const std::lock_guard lock(mutex_);
  least_ = least;
  if (!fetching_.empty() && least == Effort::foreground) session_->set_effort(least);
}

Effort TorrentSwarm::effort_of(const DownloadRequest& request) const {
  const std::lock_guard lock(mutex_);
  return std::max(least_, request.effort());
}

void TorrentSwarm::set_fetching(const trust::InfoHash& id, Effort effort, bool meets_only) {
  const std::lock_guard lock(mutex_);
  // Until a seeder says more. Interfaces come and go.
  if (!has_site_) session_->set_neighbourhood({.site = own_networks()});
  if (!fetching_.empty()) session_->follow(fetching_);
  session_->set_effort(id.empty() ? effort : std::max(least_, effort));  // before the first connection
  fetching_ = id;
  fetching_since_ = std::chrono::steady_clock::now();
  meets_only_ = meets_only;
  asked_for_peers_ = false;
  named_.reset();
  lease_.clear();
  is_alone_ = false;
}

}  // namespace

Result<std::unique_ptr<Swarm>> open_libtorrent_swarm(SwarmSettings settings, HttpClient& http, SignRequest sign) {
  UPSWARM_TRY(auto session, open_libtorrent_session(settings));
  UPSWARM_TRY(auto cache, PackageCache::open(system_files(), settings.cache));
  return std::unique_ptr<Swarm>(
      std::make_unique<TorrentSwarm>(std::move(settings), http, std::move(cache), std::move(session), std::move(sign)));
}

}  // namespace upswarm::agent
