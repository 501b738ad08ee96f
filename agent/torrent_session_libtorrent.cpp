#include "agent/torrent_session_libtorrent.hpp"

#include <algorithm>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/peer_info.hpp>

#include "agent/torrent_setup_libtorrent.hpp"

namespace upswarm::agent {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Endpoint to_endpoint(const lt::tcp::endpoint& peer) {
  auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), peer.port()};
}

LibtorrentSession::LibtorrentSession(const SwarmSettings& settings)
    : settings_(settings), session_(make_session_params(settings)), classes_(make_peer_classes(session_)) {
  apply_filter();  // before the first torrent, so before the first connection
}

LibtorrentSession::~LibtorrentSession() {
  pump_.request_stop();
  unless_gone([&] { wake(); });
  if (pump_.joinable()) pump_.join();
}

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
    auto params = make_add_params(torrent, std::move(info), settings_);
    auto line = std::make_shared<OriginLine>();
    params.extensions.emplace_back(
        [line](const lt::torrent_handle&, lt::client_data_t) { return make_lease_plugin(line); });
    params.extensions.emplace_back([complaints = complaints_](const lt::torrent_handle&, lt::client_data_t) {
      return make_witness_plugin(complaints);
    });
    auto handle = session_.add_torrent(std::move(params));
    torrents_.try_emplace(torrent.file.info_hash, std::move(handle), torrent.file, std::move(line));
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
  set_started(id, true);
  if (const auto handle = handle_of(id)) unless_gone([&] { handle->unset_flags(lt::torrent_flags::upload_mode); });
  wake();
}

void LibtorrentSession::meet(const InfoHash& id) {
  drop_idle(session_, false);
  start(id);  // the library drops those who have it all when it wants nothing
}

void LibtorrentSession::hold(const InfoHash& id) {
  set_started(id, false);
  drop_idle(session_, true);
  if (const auto handle = handle_of(id)) unless_gone([&] { handle->set_flags(lt::torrent_flags::upload_mode); });
}

void LibtorrentSession::set_started(const InfoHash& id, bool started) {
  const std::lock_guard lock(mutex_);
  const auto found = torrents_.find(id);
  if (found != torrents_.end()) found->second.is_started = started;
}

void LibtorrentSession::remove(const InfoHash& id) {
  const auto handle = handle_of(id);
  if (!handle) return;
  unless_gone([&] { session_.remove_torrent(*handle); });
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(5), [&] { return !torrents_.contains(id); });
  torrents_.erase(id);
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
                      .leads = torrent.line->lease().has_value(),
                      .has_origin = torrent.line->is_open(),
                      .start = book.start(),
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

std::vector<PeerUse> LibtorrentSession::peers(const InfoHash& id) const {
  const auto handle = handle_of(id);
  if (!handle) return {};
  std::vector<lt::peer_info> all;
  unless_gone([&] { handle->get_peer_info(all); });
  const std::lock_guard lock(mutex_);
  std::vector<PeerUse> peers;
  for (const auto& one : all) {
    const auto endpoint = to_endpoint(one.ip);
    peers.push_back({.endpoint = endpoint,
                     .source = source_of(endpoint),
                     .is_connecting = bool(one.flags & (lt::peer_info::connecting | lt::peer_info::handshake)),
                     .is_interesting = bool(one.flags & lt::peer_info::interesting),
                     .chokes_us = bool(one.flags & lt::peer_info::remote_choked),
                     .bytes_per_second = static_cast<std::uint64_t>(std::max(0, one.payload_down_speed))});
  }
  return peers;
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
