// What libtorrent tells a session: alerts, on one thread.
#include <algorithm>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/session_stats.hpp>
#include <libtorrent/write_resume_data.hpp>

#include "agent/torrent_session_libtorrent.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kNudgeAfter = std::chrono::milliseconds(100);
constexpr auto kLongestNudge = std::chrono::milliseconds(5000);
constexpr auto kPeriod = std::chrono::milliseconds(250);
/// While nothing is fetched or given. Whatever begins wakes the pump: an alert, or wake().
constexpr auto kRest = std::chrono::milliseconds(5000);
constexpr auto kStaysAwake = std::chrono::seconds(2);  ///< after the last of it
/// libtorrent shares out what rate limits allow so often; all else that it does by the clock it does once a second.
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kRestingTick = std::chrono::milliseconds(1000);  ///< the longest that it allows

Error to_fault(const lt::file_error_alert& alert) {
  const bool full = alert.error == boost::system::errc::no_space_on_device;
  return {full ? ErrorKind::no_space : ErrorKind::disk,
          std::string(lt::operation_name(alert.op)) + " on " + alert.filename(), alert.error.message()};
}

}  // namespace

void LibtorrentSession::run(const std::stop_token& stop) {
  std::vector<lt::alert*> alerts;
  auto next_update = Clock::now();
  auto rests_from = next_update + kPeriod;
  bool is_resting = false;
  while (!stop.stop_requested()) {
    const auto until_update = std::chrono::ceil<std::chrono::milliseconds>(next_update - Clock::now());
    session_.wait_for_alert(std::clamp(until_update, std::chrono::milliseconds(0), is_working() ? kNudgeAfter : kRest));
    session_.pop_alerts(&alerts);
    bool is_told = false;
    for (const auto* alert : alerts) is_told |= on_alert(*alert);
    hear_complaints();
    let_in();
    dial_origins();
    nudge_stalled();
    const auto now = Clock::now();
    if (is_told || is_working()) rests_from = now + kStaysAwake;
    if (is_resting != (now >= rests_from)) {
      is_resting = !is_resting;
      set_tick(session_, is_resting ? kRestingTick : kTick);
      next_update = now;
    }
    if (now >= next_update) {
      session_.post_torrent_updates({});
      session_.post_session_stats();
      next_update = now + (is_resting ? kRest : kPeriod);
    }
    {
      const std::lock_guard lock(mutex_);
      ++changes_;
    }
    changed_.notify_all();
  }
}

/// Whether anything here has to be done by the clock.
bool LibtorrentSession::is_working() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(torrents_, [](const auto& item) {
    const auto& torrent = item.second;
    if (torrent.fault) return false;
    return !torrent.is_checked || (torrent.is_started && !torrent.book.is_complete()) || torrent.line->lease();
  });
}

/// The pump looks at once.
void LibtorrentSession::wake() { session_.post_torrent_updates({}); }

/// libtorrent 2.0.8 asks a peer for blocks when a block of it comes, when it unchokes us, and when it becomes
/// interesting. A peer that stays interesting, since others were asked for what it has, is not asked when they choke
/// us: with all of them idle a machine waits for ever. A piece that is there, unwanted and wanted again, makes it look
/// at all peers anew (torrent::update_peer_interest).
void LibtorrentSession::nudge_stalled() {
  std::vector<std::pair<lt::torrent_handle, lt::piece_index_t>> stalled;
  const auto now = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, torrent] : torrents_) {
      if (!torrent.is_started || torrent.book.is_complete() || torrent.peers == 0) continue;
      if (torrent.book.from_peers() != torrent.came) {
        torrent.came = torrent.book.from_peers();
        torrent.came_at = now;
        torrent.nudge_after = kNudgeAfter;
      }
      const auto piece = torrent.book.any_wanted();
      if (now - torrent.came_at < torrent.nudge_after || !piece) continue;
      torrent.came_at = now;
      torrent.nudge_after = std::min(2 * torrent.nudge_after, kLongestNudge);
      stalled.emplace_back(torrent.handle, static_cast<int>(*piece));
    }
  }
  for (const auto& [handle, piece] : stalled) {
    unless_gone([&, &torrent = handle, index = piece] {
      torrent.piece_priority(index, lt::dont_download);
      torrent.piece_priority(index, lt::default_priority);
    });
  }
}

/// Whether it shows that something is going on.
bool LibtorrentSession::on_alert(const lt::alert& alert) {
  if (const auto* checked = lt::alert_cast<lt::torrent_checked_alert>(&alert)) {
    take_stock(checked->handle);
    const std::lock_guard lock(mutex_);
    if (auto* torrent = find(checked->handle)) torrent->is_checked = true;
  } else if (const auto* finished = lt::alert_cast<lt::torrent_finished_alert>(&alert)) {
    take_stock(finished->handle);  // whatever alert was lost
  } else if (const auto* stats = lt::alert_cast<lt::session_stats_alert>(&alert)) {
    static const int sent = lt::find_metric_idx("net.sent_payload_bytes");
    const auto before = uploaded_.load();
    if (sent >= 0) uploaded_ = static_cast<std::uint64_t>(stats->counters()[sent]);
    return uploaded_ != before;
  } else if (const auto* updates = lt::alert_cast<lt::state_update_alert>(&alert)) {
    for (const auto& status : updates->status) on_status(status);
    return false;
  } else if (const auto* banned = lt::alert_cast<lt::peer_ban_alert>(&alert)) {
    log::warning("a neighbour is banned: it sent bytes that fail their check",
                 {{"neighbour", to_endpoint(banned->endpoint).text()}});
    on_banned(to_endpoint(banned->endpoint).address);
  } else if (const auto* incoming = lt::alert_cast<lt::incoming_connection_alert>(&alert)) {
    on_incoming(to_endpoint(incoming->endpoint));
  } else if (const auto* blocked = lt::alert_cast<lt::peer_blocked_alert>(&alert)) {
    on_blocked(to_endpoint(blocked->endpoint), !blocked->handle.is_valid());
  } else if (const auto* dropped = lt::alert_cast<lt::alerts_dropped_alert>(&alert)) {
    log::warning("torrent alerts were lost: some bytes will be booked to the wrong source",
                 {{"alerts", dropped->message()}});
  } else {
    const std::lock_guard lock(mutex_);
    on_progress(alert);
    on_saved(alert);
  }
  return true;
}

/// On loopback many machines share an address.
void LibtorrentSession::on_incoming(const Endpoint& peer) {
  if (is_loopback(peer.address)) return;
  {
    const std::lock_guard lock(mutex_);
    if (!doorkeeper_.came(peer.address, Clock::now())) return;
  }
  log::warning("a neighbour is shut out: it makes too many connections", {{"neighbour", peer.address}});
  apply_filter();
}

void LibtorrentSession::on_blocked(const Endpoint& peer, bool came_by_itself) {
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    if (allowed_ && allowed_->shut_out.contains(peer.address)) {
      if (!came_by_itself || !doorkeeper_.knocked(peer.address)) return;
    } else {
      if (!outsiders_told_.is_news(peer.address, Clock::now())) return;
      is_news = true;
    }
  }
  if (is_news) log::info("a peer is refused: it is not of this site", {{"peer", peer.address}});
  else apply_filter();
}

/// libtorrent itself bans it from one torrent.
void LibtorrentSession::on_banned(const std::string& address) {
  if (is_loopback(address)) return;
  {
    const std::lock_guard lock(mutex_);
    if (address == origin_.address || !doorkeeper_.gave_garbage(address, Clock::now())) return;
  }
  apply_filter();
}

std::vector<ShutOut> LibtorrentSession::shut_out() const {
  const std::lock_guard lock(mutex_);
  return doorkeeper_.reasons(Clock::now());
}

void LibtorrentSession::hear_complaints() {
  for (const auto& [address, fault] : complaints_->take()) {
    if (is_loopback(address)) continue;
    {
      const std::lock_guard lock(mutex_);
      if (address == origin_.address) continue;  // the seeder judges by its own measure, and so does who leads
      const auto now = Clock::now();
      const bool is_out = fault == Fault::refuses ? doorkeeper_.lied(address, now)
                                                  : doorkeeper_.was_silent(address, now, fault == Fault::silent);
      if (!is_out) continue;
    }
    log::warning(fault == Fault::refuses ? "a neighbour is shut out: it refuses what it says it has"
                                         : "a neighbour is shut out: it takes requests and sends nothing",
                 {{"neighbour", address}});
    apply_filter();
  }
}

void LibtorrentSession::let_in() {
  {
    const std::lock_guard lock(mutex_);
    if (!doorkeeper_.let_in(Clock::now())) return;
  }
  apply_filter();
}

void LibtorrentSession::on_progress(const lt::alert& alert) {
  if (const auto* block = lt::alert_cast<lt::block_finished_alert>(&alert)) {
    auto* torrent = find(block->handle);
    if (!torrent) return;
    torrent->book.block_finished(static_cast<std::uint32_t>(static_cast<int>(block->piece_index)),
                                 static_cast<std::uint32_t>(block->block_index),
                                 source_of(to_endpoint(block->endpoint)));
  } else if (const auto* piece = lt::alert_cast<lt::piece_finished_alert>(&alert)) {
    auto* torrent = find(piece->handle);
    if (torrent) torrent->book.piece_finished(static_cast<std::uint32_t>(static_cast<int>(piece->piece_index)));
  } else if (const auto* failed = lt::alert_cast<lt::hash_failed_alert>(&alert)) {
    auto* torrent = find(failed->handle);
    if (torrent) torrent->book.piece_failed(static_cast<std::uint32_t>(static_cast<int>(failed->piece_index)));
  } else if (const auto* fault = lt::alert_cast<lt::file_error_alert>(&alert)) {
    auto* torrent = find(fault->handle);
    if (torrent && !torrent->fault && fault->timestamp() >= torrent->fault_cleared) torrent->fault = to_fault(*fault);
  }
}

void LibtorrentSession::on_saved(const lt::alert& alert) {
  if (const auto* data = lt::alert_cast<lt::save_resume_data_alert>(&alert)) {
    const auto bytes = lt::write_resume_data_buf(data->params);
    const auto found = std::find_if(torrents_.begin(), torrents_.end(),
                                    [&](const auto& item) { return item.second.handle == data->handle; });
    if (found != torrents_.end()) saves_[found->first] = std::string(bytes.begin(), bytes.end());
    if (saves_wanted_ > 0) --saves_wanted_;
  } else if (lt::alert_cast<lt::save_resume_data_failed_alert>(&alert)) {
    if (saves_wanted_ > 0) --saves_wanted_;
  } else if (const auto* flushed = lt::alert_cast<lt::cache_flushed_alert>(&alert)) {
    auto* torrent = find(flushed->handle);
    if (torrent && torrent->flushes_wanted > 0) --torrent->flushes_wanted;
  } else if (const auto* removed = lt::alert_cast<lt::torrent_removed_alert>(&alert)) {
    std::erase_if(torrents_, [&](const auto& item) { return item.second.handle == removed->handle; });
  }
}

/// Books every piece that the library has.
void LibtorrentSession::take_stock(const lt::torrent_handle& handle) {
  lt::torrent_status status;
  unless_gone([&] { status = handle.status(lt::torrent_handle::query_pieces); });
  const std::lock_guard lock(mutex_);
  auto* torrent = find(handle);
  if (!torrent) return;
  for (const auto piece : status.pieces.range()) {
    if (status.pieces[piece]) torrent->book.piece_finished(static_cast<std::uint32_t>(static_cast<int>(piece)));
  }
}

void LibtorrentSession::on_status(const lt::torrent_status& status) {
  const std::lock_guard lock(mutex_);
  auto* torrent = find(status.handle);
  if (!torrent) return;
  torrent->peers = status.num_peers;
  torrent->uploaded = {static_cast<std::uint64_t>(std::max<std::int64_t>(0, status.total_payload_upload))};
  torrent->rate = static_cast<std::uint64_t>(std::max(0, status.download_payload_rate));
  torrent->book.set_redundant({static_cast<std::uint64_t>(std::max<std::int64_t>(0, status.total_redundant_bytes))});
}

}  // namespace upswarm::agent
