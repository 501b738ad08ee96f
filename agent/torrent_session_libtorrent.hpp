// A TorrentSession by libtorrent, in three sources; for *_libtorrent.cpp files only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <libtorrent/alert.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/torrent_handle.hpp>
#include <libtorrent/torrent_status.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "agent/byte_book.hpp"
#include "agent/dial_pace.hpp"
#include "agent/doorkeeper.hpp"
#include "agent/origin_line_libtorrent.hpp"
#include "agent/torrent_session.hpp"
#include "agent/torrent_setup_libtorrent.hpp"
#include "agent/witness_libtorrent.hpp"

namespace upswarm::agent {

using trust::InfoHash;

Endpoint to_endpoint(const lt::tcp::endpoint& peer);

struct Torrent {
  Torrent(lt::torrent_handle h, const trust::PackageFile& file, std::shared_ptr<OriginLine> l)
      : handle(std::move(h)), line(std::move(l)), book(file.length, file.piece_length) {}

  lt::torrent_handle handle;
  std::shared_ptr<OriginLine> line;
  int named = 0;  ///< neighbours, by the tracker, when this machine came to lead
  std::chrono::steady_clock::time_point leads_since;
  DialPace pace;  ///< of connections to the origin
  ByteBook book;
  bool is_checked = false;
  bool is_started = false;
  Bytes came;  ///< from peers, at came_at
  std::chrono::steady_clock::time_point came_at;
  std::chrono::milliseconds nudge_after{0};
  int flushes_wanted = 0;
  Bytes uploaded;
  int peers = 0;
  std::uint64_t rate = 0;
  std::optional<Error> fault;
  lt::time_point fault_cleared;
};

/// A torrent that was just removed throws; whoever asks does not mind.
template <typename Call>
void unless_gone(const Call& call) {
  try {
    call();
  } catch (const lt::system_error&) {
    return;
  }
}

/// torrent_session_libtorrent.cpp has what others ask of it, torrent_leading_libtorrent.cpp of that what is about whom
/// to connect to, torrent_alerts_libtorrent.cpp what the library tells it.
class LibtorrentSession final : public TorrentSession {
 public:
  explicit LibtorrentSession(const SwarmSettings& settings);
  ~LibtorrentSession() override;

  /// Waits for the port, then starts to work.
  Result<void> listen();

  Result<void> add(const TorrentToAdd& torrent) override;
  void clear_fault(const InfoHash& id) override;
  void want(const InfoHash& id, const std::vector<std::uint32_t>& pieces) override;
  void start(const InfoHash& id) override;
  void meet(const InfoHash& id) override;
  void hold(const InfoHash& id) override;
  void remove(const InfoHash& id) override;
  void connect(const InfoHash& id, const std::vector<Endpoint>& peers) override;
  void set_origin(const Endpoint& origin) override;
  void set_neighbourhood(const Neighbourhood& neighbourhood) override;
  void lead(const InfoHash& id, const Lease& lease, int named) override;
  void follow(const InfoHash& id) override;
  void set_effort(Effort effort) override;
  void behave(const Manners& manners) override;
  void give_piece(const InfoHash& id, std::uint32_t piece, ByteView bytes) override;
  std::optional<TorrentState> state(const InfoHash& id) const override;
  std::vector<std::uint32_t> missing(const InfoHash& id) const override;
  SwarmView view(const InfoHash& id) const override;
  std::vector<PeerUse> peers(const InfoHash& id) const override;
  std::vector<ShutOut> shut_out() const override;
  void wait_for_change(std::chrono::milliseconds longest) override;
  Result<void> flush(const InfoHash& id, std::chrono::milliseconds longest) override;
  std::map<InfoHash, std::string> saved(std::chrono::milliseconds longest) override;
  std::uint16_t listen_port() const override { return session_.listen_port(); }
  Bytes uploaded() const override { return {uploaded_.load()}; }

 private:
  void run(const std::stop_token& stop);
  bool is_working() const;
  void wake();
  bool on_alert(const lt::alert& alert);
  void on_incoming(const Endpoint& peer);
  void on_blocked(const Endpoint& peer, bool came_by_itself);
  void hear_complaints();
  void on_banned(const std::string& address);
  void let_in();
  void on_progress(const lt::alert& alert);
  void on_saved(const lt::alert& alert);
  void take_stock(const lt::torrent_handle& handle);
  void on_status(const lt::torrent_status& status);
  void dial_origins();
  void nudge_stalled();
  struct Call {
    Endpoint origin;
    bool is_urgent = false;  ///< a whole site waits, and this machine has nothing to lose
  };
  std::optional<Call> origin_to_dial(const InfoHash& id);
  bool has_gaps_that_neighbours_fill(const InfoHash& id, int named, std::chrono::steady_clock::duration waited) const;
  void apply_filter();
  ByteSource source_of(const Endpoint& peer) const;
  Torrent* find(const lt::torrent_handle& handle);
  void set_started(const InfoHash& id, bool started);
  std::optional<lt::torrent_handle> handle_of(const InfoHash& id) const;

  SwarmSettings settings_;
  std::shared_ptr<Complaints> complaints_ = std::make_shared<Complaints>();
  std::atomic<std::uint64_t> uploaded_{0};

  mutable std::mutex mutex_;  ///< guards what follows, up to the session
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
  std::map<InfoHash, Torrent> torrents_;
  Endpoint origin_;
  Neighbourhood neighbourhood_;
  Doorkeeper doorkeeper_;
  OutsidersTold outsiders_told_;
  Effort effort_ = Effort::background;
  std::optional<AllowedPeers> allowed_;  ///< as the library was told
  std::size_t saves_wanted_ = 0;
  std::map<InfoHash, std::string> saves_;

  lt::session session_;
  PeerClasses classes_;
  std::jthread pump_;
};

}  // namespace upswarm::agent
