// Tells the seeder's tracker what this machine has and wants, and hears of peers (BEP 3, BEP 7, BEP 23).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/endpoint.hpp"
#include "protocol/base/http/http_client.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

/// What an announce says about one torrent.
struct AnnounceStats {
  Bytes uploaded;
  Bytes downloaded;
  Bytes left;
  bool wants_peers = false;  ///< it downloads
  bool has_peers = false;    ///< as many as it needs
};

struct AnnounceAnswer {
  std::vector<Endpoint> peers;
  std::chrono::seconds interval{60};
  std::chrono::seconds min_interval{5};
  std::optional<Endpoint> origin;  ///< the seeder's own BitTorrent address, key "upswarm origin"
};

/// Reads a tracker's answer. Compact peers only. Intervals are brought into 1 s to 1 h.
/// Errors: corrupt; denied  the tracker gave a failure reason.
Result<AnnounceAnswer> parse_announce_answer(std::string_view body);

struct AnnounceQuery {
  trust::InfoHash id;
  std::string peer_id;  ///< 20 bytes
  std::uint16_t port = 0;
  AnnounceStats stats;
  std::string_view event;  ///< "started", "completed", "stopped" or ""
};
std::string announce_url(const std::string& seeder_url, const AnnounceQuery& query);

/// How long to wait before the next announce. `failures` in a row; `answer` is the last good one.
/// Downloading with too few peers: the minimum interval, so that machines that start together find each other soon.
std::chrono::milliseconds announce_delay(const AnnounceAnswer& answer, const AnnounceStats& stats, int failures);

/// One thread announces all torrents in turn. Any thread may call.
class Announcer {
 public:
  /// Nothing: not known yet, ask again in a second.
  using AskStats = std::function<std::optional<AnnounceStats>()>;
  using TellAnswer = std::function<void(const AnnounceAnswer&)>;

  /// `http` must outlive the announcer. A tracker takes the address that an announce comes from for the peer's: where
  /// we listen on one address alone, announces come from it.
  Announcer(HttpClient& http, std::string seeder_url, Endpoint listen);
  /// Tells the tracker that all torrents stopped, for at most a second.
  ~Announcer();

  /// Announces now, and from then on. The functions are called on the announcer's thread, also shortly after remove();
  /// they must stay callable until the announcer is gone.
  void add(const trust::InfoHash& id, AskStats ask, TellAnswer tell);
  /// Announces now: something about the torrent changed.
  void hurry(const trust::InfoHash& id);
  void remove(const trust::InfoHash& id);

  /// Why the last announce failed; empty after a good one.
  std::string trouble(const trust::InfoHash& id) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Task {
    AskStats ask;
    TellAnswer tell;
    Clock::time_point due;
    AnnounceAnswer answer;
    int failures = 0;
    std::string trouble;
    bool has_started = false;   ///< the tracker has heard of it
    bool was_complete = false;  ///< and that it is complete
  };

  void run(const std::stop_token& stop);
  void announce(const trust::InfoHash& id, const Task& task, const std::stop_token& stop);
  void plan(const trust::InfoHash& id, std::chrono::milliseconds delay);
  void say_stopped(const trust::InfoHash& id, std::chrono::milliseconds longest);
  Result<AnnounceAnswer> send(const AnnounceQuery& query, std::chrono::milliseconds longest, std::stop_token stop);
  Endpoint origin_by_name();

  HttpClient& http_;
  std::string seeder_url_;
  std::string peer_id_;
  Endpoint listen_;
  std::optional<Endpoint> origin_;  ///< of the announcer's thread alone

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<trust::InfoHash, Task> tasks_;
  std::vector<trust::InfoHash> removed_;
  std::jthread thread_;
};

}  // namespace upswarm::agent
