#include "agent/swarm.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "agent/announcer.hpp"
#include "agent/package_cache.hpp"
#include "agent/package_fetch.hpp"
#include "agent/torrent_session.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr auto kSaveLimit = std::chrono::milliseconds(1500);
constexpr int kEnoughPeers = 4;

class TorrentSwarm final : public Swarm {
 public:
  TorrentSwarm(SwarmSettings settings, HttpClient& http, PackageCache cache, std::unique_ptr<TorrentSession> session)
      : settings_(std::move(settings)),
        http_(http),
        cache_(std::move(cache)),
        session_(std::move(session)),
        announcer_(std::make_unique<Announcer>(http_, settings_.seeder_url,
                                               Endpoint{settings_.listen_address, session_->listen_port()})) {}

  ~TorrentSwarm() override;

  Result<Downloaded> fetch(const DownloadRequest& request, std::chrono::milliseconds patience,
                           const DownloadSink& progress, std::stop_token stop) override;
  Result<void> keep_only(const std::vector<DownloadRequest>& requests) override;
  std::uint16_t listen_port() const override { return session_->listen_port(); }
  Bytes uploaded() const override { return session_->uploaded(); }

 private:
  Result<void> add(const DownloadRequest& request);
  Result<void> drop(const Sha256& package);
  std::optional<AnnounceStats> stats_of(const trust::InfoHash& id);
  void take_answer(const trust::InfoHash& id, const AnnounceAnswer& answer);
  bool is_fetching(const trust::InfoHash& id);
  void set_fetching(const trust::InfoHash& id);

  SwarmSettings settings_;
  HttpClient& http_;
  PackageCache cache_;
  std::unique_ptr<TorrentSession> session_;

  std::mutex mutex_;                            ///< guards what follows, up to the announcer
  std::map<Sha256, trust::InfoHash> torrents_;  ///< in the session
  std::set<Sha256> verified_;                   ///< by this run, so not to be hashed again
  trust::InfoHash fetching_;

  std::unique_ptr<Announcer> announcer_;  ///< last: its thread calls stats_of and take_answer
};

TorrentSwarm::~TorrentSwarm() {
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
    if (!state || !state->is_complete || (request.pieces.empty() && !verified_.contains(package))) return {};
    return Downloaded{cache_.path_of(package), state->bytes};
  };
  if (request.pieces.empty()) {
    if (auto already = found()) return std::move(*already);
  }

  const FetchTools tools{settings_, http_, cache_, *session_, *announcer_};
  set_fetching(id);
  auto result = PackageFetch(tools, request, patience, progress, std::move(stop)).run();
  set_fetching({});
  if (!result) {
    if (result.error().kind == ErrorKind::corrupt && result.error().reason == "digest") UPSWARM_CHECK(drop(package));
    return std::move(result).error();
  }
  if (request.pieces.empty()) {
    const std::lock_guard lock(mutex_);
    verified_.insert(package);
  }
  if (auto done = found()) return std::move(*done);
  return Error{ErrorKind::cancelled, "fetch " + request.file.path, "it is no longer wanted"};
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

std::optional<AnnounceStats> TorrentSwarm::stats_of(const trust::InfoHash& id) {
  const auto state = session_->state(id);
  if (!state || !state->is_checked) return {};
  const bool wants_peers = is_fetching(id) && !state->is_complete;
  const auto downloaded = state->bytes.site + state->bytes.origin_bt + state->bytes.origin_http;
  return AnnounceStats{state->uploaded, downloaded, state->left, wants_peers, state->peers >= kEnoughPeers};
}

void TorrentSwarm::take_answer(const trust::InfoHash& id, const AnnounceAnswer& answer) {
  if (answer.origin) session_->set_origin(*answer.origin);
  if (!is_fetching(id)) return;  // whoever wants our pieces comes to us
  for (const auto& peer : answer.peers) session_->connect(id, peer);
}

bool TorrentSwarm::is_fetching(const trust::InfoHash& id) {
  const std::lock_guard lock(mutex_);
  return fetching_ == id;
}

void TorrentSwarm::set_fetching(const trust::InfoHash& id) {
  const std::lock_guard lock(mutex_);
  fetching_ = id;
}

}  // namespace

Result<std::unique_ptr<Swarm>> open_libtorrent_swarm(SwarmSettings settings, HttpClient& http) {
  UPSWARM_TRY(auto session, open_libtorrent_session(settings));
  UPSWARM_TRY(auto cache, PackageCache::open(system_files(), settings.cache));
  return std::unique_ptr<Swarm>(
      std::make_unique<TorrentSwarm>(std::move(settings), http, std::move(cache), std::move(session)));
}

}  // namespace upswarm::agent
