// Tells the seeder's tracker what this machine has and wants, and hears of peers (BEP 3, BEP 7, BEP 23) and of who
// leads (protocol/messages/announce.hpp).
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
#include "agent/network.hpp"
#include "agent/swarm.hpp"
#include "protocol/base/http/http_client.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

/// What an announce says about one torrent.
struct AnnounceStats {
  Bytes uploaded;
  Bytes downloaded;
  Bytes left;
  bool wants_peers = false;  ///< it downloads
  bool may_lead = false;     ///< and would fetch from the origin for its site
};

/// Who has it leads: it fetches from the origin for its site.
struct GrantedLease {
  std::string token;              ///< 1 to messages::kLongestLease bytes
  std::chrono::seconds valid{0};  ///< from the answer on

  bool operator==(const GrantedLease&) const = default;
};

struct AnnounceAnswer {
  std::vector<Endpoint> peers;
  std::chrono::seconds interval{60};
  std::chrono::seconds min_interval{5};
  std::optional<Endpoint> origin;   ///< the seeder's own BitTorrent address
  std::optional<std::string> site;  ///< nothing: a seeder of before, that knows no sites
  std::optional<GrantedLease> lease;
  std::optional<std::vector<Network>> ranges;  ///< of the site; nothing: the machine's own networks
  std::vector<Network> other_ranges;           ///< of sites that may help
};

/// Reads a tracker's answer. Compact peers only. Intervals are brought into 1 s to 1 h. What is longer than
/// protocol/messages/announce.hpp allows is refused.
/// Errors: corrupt; denied  the tracker gave a failure reason.
Result<AnnounceAnswer> parse_announce_answer(std::string_view body);

struct AnnounceQuery {
  trust::InfoHash id;
  std::string peer_id;  ///< 20 bytes
  std::uint16_t port = 0;
  AnnounceStats stats;
  std::string_view event;  ///< "started", "completed", "stopped" or ""
  std::string network;     ///< "192.168.7.20/24"; empty: not known
};
/// Path and query.
std::string announce_target(const AnnounceQuery& query);

/// Path and query of a question who has these; `network` as in AnnounceQuery.
std::string scrape_target(const std::vector<trust::InfoHash>& ids, const std::string& network);

/// How many of the site have the whole of each torrent; those that the tracker does not know are left out.
/// Errors: corrupt; denied  the tracker gave a failure reason.
Result<std::map<trust::InfoHash, int>> parse_scrape_answer(std::string_view body);

/// "host" of "http://host:port/path"; "" if there is none.
std::string host_of(std::string_view url);

/// How long to wait before the next announce. `failures` in a row; `answer` is the last good one.
/// The tracker's interval: where it knows sites it says how soon it wants to hear of who lacks something. Of another
/// tracker the minimum interval while downloading, so that machines that start together find each other soon. With a
/// lease, so that another try after a failure still renews it.
std::chrono::milliseconds announce_delay(const AnnounceAnswer& answer, const AnnounceStats& stats, int failures);

struct AnnouncerSettings {
  std::string seeder_url;
  /// A tracker takes the address that an announce comes from for the peer's: where we listen on one address alone,
  /// announces come from it.
  Endpoint listen;
  /// This machine in the network by which it reaches the seeder: "192.168.7.20/24", or "". Asked at most every minute.
  std::function<std::string()> network = {};
  /// Header fields that vouch for a request of this method and target; none while nobody can. Any thread may call.
  SignRequest sign = {};
};

/// Two threads announce all torrents in turn, one of them those alone that download or were hurried: they do not wait
/// for the others. Any thread may call.
class Announcer {
 public:
  /// Nothing: not known yet, ask again in a second.
  using AskStats = std::function<std::optional<AnnounceStats>()>;
  using TellAnswer = std::function<void(const AnnounceAnswer&)>;

  /// `http` must outlive the announcer.
  Announcer(HttpClient& http, AnnouncerSettings settings);
  /// Tells the tracker that all torrents stopped, for at most a second.
  ~Announcer();

  /// Announces now, and from then on. The functions are called on the announcer's threads, of one torrent never
  /// two at once, also shortly after remove(); they must stay callable until the announcer is gone.
  void add(const trust::InfoHash& id, AskStats ask, TellAnswer tell);
  /// Announces now: something about the torrent changed.
  void hurry(const trust::InfoHash& id);
  void remove(const trust::InfoHash& id);

  /// Asks the tracker about these, of which none need be announced: the first messages::kMostScraped, for at most
  /// `longest`.   Errors: as parse_scrape_answer and HttpClient::send; unreachable  a tracker that knows no scrapes.
  Result<std::map<trust::InfoHash, int>> scrape(std::vector<trust::InfoHash> ids, std::chrono::milliseconds longest,
                                                std::stop_token stop);

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
    bool is_urgent = true;      ///< it downloads, or was hurried
    bool is_busy = false;       ///< a thread announces it
  };
  using Tasks = std::map<trust::InfoHash, Task>;

  void run(const std::stop_token& stop, bool only_urgent);
  Tasks::iterator next_task(bool only_urgent);
  void announce(const trust::InfoHash& id, const Task& task, const std::stop_token& stop);
  void note(const trust::InfoHash& id, const AnnounceStats& stats, const Result<AnnounceAnswer>& answer);
  void plan(const trust::InfoHash& id, std::chrono::milliseconds delay);
  void note_change();
  void say_stopped(const trust::InfoHash& id, std::chrono::milliseconds longest);
  Result<AnnounceAnswer> send(const AnnounceQuery& query, std::chrono::milliseconds longest, std::stop_token stop);
  Result<std::string> ask(const std::string& target, bool is_signed, std::chrono::milliseconds longest,
                          std::stop_token stop);
  Endpoint origin_by_name();
  std::string network();

  HttpClient& http_;
  AnnouncerSettings settings_;
  std::string peer_id_;

  std::mutex places_mutex_;  ///< guards what follows, up to the next
  std::optional<Endpoint> origin_;
  std::string network_;
  std::optional<Clock::time_point> network_asked_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t changes_ = 0;
  Tasks tasks_;
  std::vector<trust::InfoHash> removed_;
  std::jthread for_all_;
  std::jthread for_urgent_;
};

}  // namespace upswarm::agent
