#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_stats.hpp>
#include <libtorrent/torrent_status.hpp>
#include <libtorrent/write_resume_data.hpp>
#include <mutex>
#include <thread>

#include "agent/byte_book.hpp"
#include "agent/torrent_session.hpp"
#include "agent/torrent_setup_libtorrent.hpp"
#include "protocol/base/log.hpp"
#include "protocol/torrent/peer_classes_libtorrent.hpp"

namespace upswarm::agent {
namespace {

using Clock = std::chrono::steady_clock;
using trust::InfoHash;

Endpoint to_endpoint(const lt::tcp::endpoint& peer) {
  auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), peer.port()};
}

Error to_fault(const lt::file_error_alert& alert) {
  const bool full = alert.error == boost::system::errc::no_space_on_device;
  return {full ? ErrorKind::no_space : ErrorKind::disk,
          std::string(lt::operation_name(alert.op)) + " on " + alert.filename(), alert.error.message()};
}

struct Torrent {
  Torrent(lt::torrent_handle h, const trust::PackageFile& file)
      : handle(std::move(h)), book(file.length, file.piece_length) {}

  lt::torrent_handle handle;
  ByteBook book;
  bool is_checked = false;
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

class LibtorrentSession final : public TorrentSession {
 public:
  explicit LibtorrentSession(const SwarmSettings& settings)
      : settings_(settings), session_(make_session_params(settings)) {
    session_.set_peer_class_filter(global_class_for_all());  // before the first torrent, so before the first connection
  }

  ~LibtorrentSession() override {
    pump_.request_stop();
    unless_gone([&] { session_.post_session_stats(); });  // wakes the pump
    if (pump_.joinable()) pump_.join();
  }

  /// Waits for the port, then starts to work.
  Result<void> listen();

  Result<void> add(const TorrentToAdd& torrent) override;
  void clear_fault(const InfoHash& id) override;
  void want(const InfoHash& id, const std::vector<std::uint32_t>& pieces) override;
  void start(const InfoHash& id) override;
  void hold(const InfoHash& id) override;
  void remove(const InfoHash& id) override;
  void connect(const InfoHash& id, const Endpoint& peer) override;
  void set_origin(const Endpoint& origin) override;
  void give_piece(const InfoHash& id, std::uint32_t piece, ByteView bytes) override;
  std::optional<TorrentState> state(const InfoHash& id) const override;
  std::vector<std::uint32_t> missing(const InfoHash& id) const override;
  SwarmView view(const InfoHash& id) const override;
  void wait_for_change(std::chrono::milliseconds longest) override;
  Result<void> flush(const InfoHash& id, std::chrono::milliseconds longest) override;
  std::map<InfoHash, std::string> saved(std::chrono::milliseconds longest) override;
  std::uint16_t listen_port() const override { return session_.listen_port(); }
  Bytes uploaded() const override { return {uploaded_.load()}; }

 private:
  void run(const std::stop_token& stop);
  void on_alert(const lt::alert& alert);
  void on_progress(const lt::alert& alert);
  void on_saved(const lt::alert& alert);
  void take_stock(const lt::torrent_handle& handle);
  void on_status(const lt::torrent_status& status);
  Torrent* find(const lt::torrent_handle& handle);
  std::optional<lt::torrent_handle> handle_of(const InfoHash& id) const;

  SwarmSettings settings_;
  std::atomic<std::uint64_t> uploaded_{0};

  mutable std::mutex mutex_;  ///< guards what follows, up to the session
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
  std::map<InfoHash, Torrent> torrents_;
  Endpoint origin_;
  std::size_t saves_wanted_ = 0;
  std::map<InfoHash, std::string> saves_;

  lt::session session_;
  std::jthread pump_;
};

Result<void> LibtorrentSession::listen() {
  const auto where = "listen on " + Endpoint{settings_.listen_address, settings_.listen_port}.text();
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  bool listening = false;
  while (!listening && Clock::now() < deadline) {
    session_.wait_for_alert(std::chrono::milliseconds(200));
    (void)session_.listen_port();  // a round trip: the verdicts on all addresses are there after it
    std::vector<lt::alert*> alerts;
    session_.pop_alerts(&alerts);
    for (const auto* alert : alerts) {
      if (const auto* failed = lt::alert_cast<lt::listen_failed_alert>(alert)) {
        const bool in_use = failed->error == boost::system::errc::address_in_use;
        return Error{in_use ? ErrorKind::busy : ErrorKind::invalid, where, failed->error.message(), "listen"};
      }
      if (const auto* heard = lt::alert_cast<lt::listen_succeeded_alert>(alert)) {
        listening |= heard->socket_type == lt::socket_type_t::tcp;
      }
    }
  }
  if (!listening) return Error{ErrorKind::invalid, where, "no such address on this machine", "listen"};
  pump_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

Result<void> LibtorrentSession::add(const TorrentToAdd& torrent) {
  UPSWARM_TRY(auto info, read_torrent(torrent));
  const std::lock_guard lock(mutex_);
  if (torrents_.contains(torrent.file.info_hash)) return {};
  try {
    auto handle = session_.add_torrent(make_add_params(torrent, std::move(info), settings_));
    torrents_.try_emplace(torrent.file.info_hash, std::move(handle), torrent.file);
  } catch (const std::exception& problem) {
    return not_that_torrent(torrent.file, problem.what());
  }
  return {};
}

void LibtorrentSession::clear_fault(const InfoHash& id) {
  const auto handle = handle_of(id);
  if (!handle) return;
  // A round trip: what fails afterwards fails now, and is no echo of the fault that is taken back.
  unless_gone([&] { (void)handle->status({}); });
  {
    const std::lock_guard lock(mutex_);
    if (auto* torrent = find(*handle)) {
      torrent->fault.reset();
      torrent->fault_cleared = lt::clock_type::now();
    }
  }
  unless_gone([&] {
    handle->clear_error();
    handle->resume();
  });
}

void LibtorrentSession::want(const InfoHash& id, const std::vector<std::uint32_t>& pieces) {
  const auto handle = handle_of(id);
  if (!handle) return;
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    auto* torrent = find(*handle);
    if (!torrent) return;
    torrent->book.want(pieces);
    count = torrent->book.pieces();
  }
  std::vector<lt::download_priority_t> priorities(count, pieces.empty() ? lt::default_priority : lt::dont_download);
  for (const auto piece : pieces) {
    if (piece < count) priorities[piece] = lt::default_priority;
  }
  unless_gone([&] {
    handle->prioritize_pieces(priorities);
    (void)handle->status({});  // a round trip
  });
}

void LibtorrentSession::start(const InfoHash& id) {
  if (const auto handle = handle_of(id)) unless_gone([&] { handle->unset_flags(lt::torrent_flags::upload_mode); });
}

void LibtorrentSession::hold(const InfoHash& id) {
  if (const auto handle = handle_of(id)) unless_gone([&] { handle->set_flags(lt::torrent_flags::upload_mode); });
}

void LibtorrentSession::remove(const InfoHash& id) {
  const auto handle = handle_of(id);
  if (!handle) return;
  unless_gone([&] { session_.remove_torrent(*handle); });
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(5), [&] { return !torrents_.contains(id); });
  torrents_.erase(id);
}

void LibtorrentSession::connect(const InfoHash& id, const Endpoint& peer) {
  const auto handle = handle_of(id);
  lt::error_code problem;
  const auto address = lt::make_address(peer.address, problem);
  if (!handle || problem || address.is_unspecified() || address.is_multicast() || peer.port == 0) return;
  unless_gone([&] { handle->connect_peer({address, peer.port}); });
}

void LibtorrentSession::set_origin(const Endpoint& origin) {
  const std::lock_guard lock(mutex_);
  origin_ = origin;
}

void LibtorrentSession::give_piece(const InfoHash& id, std::uint32_t piece, ByteView bytes) {
  lt::torrent_handle handle;
  {
    const std::lock_guard lock(mutex_);
    const auto found = torrents_.find(id);
    if (found == torrents_.end() || bytes.empty() || Bytes{bytes.size()} != found->second.book.piece_size(piece))
      return;
    found->second.book.piece_given(piece);
    if (found->second.book.has(piece)) return;
    handle = found->second.handle;
  }
  const auto text = as_text(bytes);
  unless_gone([&] {
    handle.add_piece(lt::piece_index_t{static_cast<int>(piece)}, std::vector<char>(text.begin(), text.end()));
  });
}

std::optional<TorrentState> LibtorrentSession::state(const InfoHash& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  if (found == torrents_.end()) return {};
  const auto& torrent = found->second;
  const auto& book = torrent.book;
  return TorrentState{.is_checked = torrent.is_checked,
                      .is_complete = torrent.is_checked && book.is_complete(),
                      .bytes = book.totals(),
                      .missing = book.missing_bytes(),
                      .wanted = book.wanted_bytes(),
                      .left = book.left(),
                      .from_peers = book.from_peers(),
                      .failed_given = book.failed_given(),
                      .failed_mixed = book.failed_mixed(),
                      .uploaded = torrent.uploaded,
                      .peers = torrent.peers,
                      .bytes_per_second = torrent.rate,
                      .fault = torrent.fault};
}

std::vector<std::uint32_t> LibtorrentSession::missing(const InfoHash& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  return found == torrents_.end() ? std::vector<std::uint32_t>{} : found->second.book.missing();
}

SwarmView LibtorrentSession::view(const InfoHash& id) const {
  const auto handle = handle_of(id);
  if (!handle) return {};
  std::vector<lt::peer_info> peers;
  unless_gone([&] { handle->get_peer_info(peers); });
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  if (found == torrents_.end()) return {};
  SwarmView view;
  std::vector<bool> held(found->second.book.pieces(), false);
  for (const auto& peer : peers) {
    if ((peer.flags & (lt::peer_info::connecting | lt::peer_info::handshake)) || peer.pieces.none_set() ||
        is_origin(to_endpoint(peer.ip), origin_))
      continue;
    ++view.neighbours;
    for (const auto piece : peer.pieces.range()) {
      const auto number = static_cast<std::size_t>(static_cast<int>(piece));
      if (number < held.size() && peer.pieces[piece]) held[number] = true;
    }
  }
  for (std::uint32_t piece = 0; piece < held.size(); ++piece) {
    if (held[piece]) view.held.push_back(piece);
    if (found->second.book.has(piece)) view.here.push_back(piece);
  }
  return view;
}

void LibtorrentSession::wait_for_change(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  const auto seen = changes_;
  changed_.wait_for(lock, longest, [&] { return changes_ != seen; });
}

Result<void> LibtorrentSession::flush(const InfoHash& id, std::chrono::milliseconds longest) {
  const auto handle = handle_of(id);
  if (!handle) return {};
  std::unique_lock lock(mutex_);
  const auto find_wanted = [&] {
    const auto found = torrents_.find(id);
    return found == torrents_.end() ? 0 : found->second.flushes_wanted;
  };
  if (auto* torrent = find(*handle)) ++torrent->flushes_wanted;
  unless_gone([&] { handle->flush_cache(); });
  if (!changed_.wait_for(lock, longest, [&] { return find_wanted() == 0; })) {
    return Error{ErrorKind::disk, "write the last pieces of " + id, "not done in time"};
  }
  return {};
}

std::map<InfoHash, std::string> LibtorrentSession::saved(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  saves_.clear();
  saves_wanted_ = 0;
  for (const auto& [id, torrent] : torrents_) {
    if (!torrent.is_checked || torrent.fault) continue;
    ++saves_wanted_;
    unless_gone([&] { torrent.handle.save_resume_data(); });
  }
  changed_.wait_for(lock, longest, [&] { return saves_wanted_ == 0; });
  return std::move(saves_);
}

Torrent* LibtorrentSession::find(const lt::torrent_handle& handle) {
  const auto found =
      std::find_if(torrents_.begin(), torrents_.end(), [&](const auto& item) { return item.second.handle == handle; });
  return found == torrents_.end() ? nullptr : &found->second;
}

std::optional<lt::torrent_handle> LibtorrentSession::handle_of(const InfoHash& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  if (found == torrents_.end()) return {};
  return found->second.handle;
}

void LibtorrentSession::run(const std::stop_token& stop) {
  constexpr auto kPeriod = std::chrono::milliseconds(250);
  auto next_update = Clock::now();
  std::vector<lt::alert*> alerts;
  while (!stop.stop_requested()) {
    session_.wait_for_alert(kPeriod);
    session_.pop_alerts(&alerts);
    for (const auto* alert : alerts) on_alert(*alert);
    if (Clock::now() >= next_update) {
      session_.post_torrent_updates({});
      session_.post_session_stats();
      next_update = Clock::now() + kPeriod;
    }
    {
      const std::lock_guard lock(mutex_);
      ++changes_;
    }
    changed_.notify_all();
  }
}

void LibtorrentSession::on_alert(const lt::alert& alert) {
  if (const auto* checked = lt::alert_cast<lt::torrent_checked_alert>(&alert)) {
    take_stock(checked->handle);
    const std::lock_guard lock(mutex_);
    if (auto* torrent = find(checked->handle)) torrent->is_checked = true;
  } else if (const auto* finished = lt::alert_cast<lt::torrent_finished_alert>(&alert)) {
    take_stock(finished->handle);  // whatever alert was lost
  } else if (const auto* stats = lt::alert_cast<lt::session_stats_alert>(&alert)) {
    static const int sent = lt::find_metric_idx("net.sent_payload_bytes");
    if (sent >= 0) uploaded_ = static_cast<std::uint64_t>(stats->counters()[sent]);
  } else if (const auto* updates = lt::alert_cast<lt::state_update_alert>(&alert)) {
    for (const auto& status : updates->status) on_status(status);
  } else if (const auto* dropped = lt::alert_cast<lt::alerts_dropped_alert>(&alert)) {
    log::warning("torrent alerts were lost: some bytes will be booked to the wrong source",
                 {{"alerts", dropped->message()}});
  } else {
    const std::lock_guard lock(mutex_);
    on_progress(alert);
    on_saved(alert);
  }
}

void LibtorrentSession::on_progress(const lt::alert& alert) {
  if (const auto* block = lt::alert_cast<lt::block_finished_alert>(&alert)) {
    auto* torrent = find(block->handle);
    if (!torrent) return;
    // add_piece() posts this alert too, with no endpoint.
    const auto peer = to_endpoint(block->endpoint);
    const auto source = peer.port == 0 ? ByteSource::origin_http
                                       : (is_origin(peer, origin_) ? ByteSource::origin_bt : ByteSource::site);
    torrent->book.block_finished(static_cast<std::uint32_t>(static_cast<int>(block->piece_index)),
                                 static_cast<std::uint32_t>(block->block_index), source);
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

}  // namespace

Result<std::unique_ptr<TorrentSession>> open_libtorrent_session(const SwarmSettings& settings) {
  try {
    auto session = std::make_unique<LibtorrentSession>(settings);
    UPSWARM_CHECK(session->listen());
    return std::unique_ptr<TorrentSession>(std::move(session));
  } catch (const std::exception& problem) {
    return Error{ErrorKind::internal, "start BitTorrent", problem.what()};
  }
}

}  // namespace upswarm::agent
