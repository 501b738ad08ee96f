// Where the bytes of a download come from, and why not from elsewhere, in words.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/torrent_session.hpp"

namespace upswarm::agent {

/// Why the origin does not answer by HTTP. Any thread.
class HttpStanding {
 public:
  /// `trouble` of the last request, and after what time there is another; empty: there was none.
  void note(std::string trouble, std::chrono::milliseconds again);
  /// "" where all is well.
  std::string words() const;

 private:
  mutable std::mutex mutex_;
  std::string trouble_;
  std::chrono::steady_clock::time_point again_;
};

/// What is known while a package is fetched.
struct SourceFacts {
  bool knows_sites = false;  ///< the seeder has said what our site is
  std::optional<int> named;  ///< neighbours, by the tracker; nothing: it has not answered yet
  std::string trouble;       ///< of the last announce; empty: none
  bool may_lead = true;      ///< by this machine's own settings and manners
  bool leads = false;
  bool is_alone = false;          ///< no neighbours, and no way to the origin but HTTP
  std::string http_trouble = {};  ///< of the last request; empty: none
  std::chrono::milliseconds http_after{0};
  TorrentState state;
  std::vector<PeerUse> peers;
  std::vector<ShutOut> shut_out = {};
};

/// Neighbours together, each that is connected or shut out (at most kMostPeersTold of both), the origin by BitTorrent
/// and by HTTP.
inline constexpr std::size_t kMostPeersTold = 20;
std::vector<SourceUse> describe_sources(const SourceFacts& facts);

}  // namespace upswarm::agent
