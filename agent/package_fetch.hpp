// One download, from the first look at the disk to the verified file.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "agent/announcer.hpp"
#include "agent/hunger.hpp"
#include "agent/origin_ranges.hpp"
#include "agent/package_cache.hpp"
#include "agent/prefix_hasher.hpp"
#include "agent/source_use.hpp"
#include "agent/torrent_session.hpp"

namespace upswarm::agent {

/// What a download works with; all must outlive it.
struct FetchTools {
  const SwarmSettings& settings;
  HttpClient& http;
  PackageCache& cache;
  TorrentSession& session;
  Announcer& announcer;
  EffortNow effort;
  RateNow rate = {};  ///< of HTTP
  LeaseToken lease = {};
  /// The tracker knows nobody here who could give anything, and no way to the origin but HTTP. Any thread may call.
  std::function<bool()> is_alone = {};
  HttpStanding* standing = nullptr;  ///< is told of the origin's answers by HTTP
};

/// Drives a torrent that the session already has. BitTorrent goes first; where it brought next to nothing (hunger.hpp)
/// for `settings.http_after`, less on behalf of a user or a site, and at once where nobody else is, a thread fetches
/// ranges from the origin. A whole file's digest is computed as pieces come.
class PackageFetch final : private PieceKeeper {
 public:
  PackageFetch(const FetchTools& tools, const DownloadRequest& request, std::chrono::milliseconds patience,
               const DownloadSink& progress, std::stop_token stop);

  /// Errors as Swarm::fetch; after one the torrent is held, and its file is left as it is.
  Result<void> run();

 private:
  using Clock = std::chrono::steady_clock;

  /// Waits until `is_done`, calling it with each new state.
  template <typename IsDone>
  Result<TorrentState> wait_until(IsDone is_done);
  Result<void> check_space(const TorrentState& state) const;
  Result<bool> look_after(const TorrentState& state);
  std::chrono::milliseconds ranges_after(const TorrentState& state) const;
  void hurry_if_worse(const TorrentState& state, Clock::time_point now);
  Result<void> verify();
  std::string trouble() const;
  Error given_up() const;
  void tell(const TorrentState& state, bool at_once);

  void fetch_ranges(const std::stop_token& stop);
  void set_ranges_wanted(bool wanted);

  std::vector<std::uint32_t> missing() override;
  Result<void> put(std::uint32_t piece, ByteView bytes, const std::stop_token& stop) override;

  const FetchTools& tools_;
  const DownloadRequest& request_;
  const trust::InfoHash& id_;
  std::chrono::milliseconds patience_;
  const DownloadSink& progress_;
  std::stop_token stop_;

  std::optional<Hunger> hunger_;  ///< for what peers bring
  Bytes most_received_;
  Clock::time_point last_received_;
  Clock::time_point last_told_{};
  Clock::time_point last_hurry_;
  Clock::duration hurry_after_{};
  bool had_origin_ = false;
  Bytes told_ranges_;

  OriginRanges ranges_;
  mutable std::mutex mutex_;
  std::condition_variable_any wanted_changed_;
  bool ranges_wanted_ = false;
  std::string ranges_trouble_;
  std::optional<PrefixHasher> hasher_;
  std::jthread ranges_thread_;  ///< last: it ends before what it uses
};

}  // namespace upswarm::agent
