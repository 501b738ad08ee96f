// Whom a session connects to: neighbours, and the origin while it leads.
#include <algorithm>
#include <libtorrent/address.hpp>
#include <libtorrent/peer_info.hpp>
#include <libtorrent/torrent_flags.hpp>

#include "agent/torrent_session_libtorrent.hpp"

namespace upswarm::agent {
namespace {

using Clock = std::chrono::steady_clock;

/// A leader gives each byte to few, who give it on: giving it to all, it would fill its own link, on which the origin's
/// bytes and their acknowledgements come, too. 8 machines, 40 Mbit/s from the origin, 200 on the LAN: the last was done
/// after 1.17 times a plain TCP stream with 30, 1.08 to 1.13 with 3.
constexpr int kLeaderSlots = 3;
constexpr auto kSettled = std::chrono::milliseconds(100);
constexpr auto kMeetLimit = std::chrono::milliseconds(500);  ///< for neighbours to connect, on a LAN
/// For pieces that neighbours have. It ends also when they only say so.
constexpr auto kGapLimit = std::chrono::seconds(2);

std::optional<lt::tcp::endpoint> to_library(const Endpoint& peer) {
  lt::error_code problem;
  const auto address = lt::make_address(peer.address, problem);
  if (problem || address.is_unspecified() || address.is_multicast() || peer.port == 0) return {};
  return lt::tcp::endpoint{address, peer.port};
}

}  // namespace

void LibtorrentSession::connect(const InfoHash& id, const std::vector<Endpoint>& peers) {
  const auto handle = handle_of(id);
  if (!handle) return;
  auto all = peers;
  const auto call = origin_to_dial(id);
  if (call) all.push_back(call->origin);
  unless_gone([&] {
    bool is_new = false;
    for (const auto& peer : all) {
      // As the tracker's they are tried again, also after failures.
      if (const auto endpoint = to_library(peer)) {
        handle->connect_peer(*endpoint, lt::peer_info::tracker);
        is_new = true;
      }
    }
    // libtorrent 2.0.8 connects to such peers with its next tick, up to a second later, but when a torrent is resumed
    // at once (torrent::do_connect_boost). Pausing cuts connections, so only while there are none, or where a whole
    // site would wait: who is cut then, comes back.
    const auto status = handle->status({});
    const bool may_cut = status.num_connections == 0 || (call && call->is_urgent);
    if (!is_new || !may_cut || status.errc) return;
    handle->pause();
    handle->resume();
  });
}

void LibtorrentSession::set_origin(const Endpoint& origin) {
  const std::lock_guard lock(mutex_);
  origin_ = origin;
}

void LibtorrentSession::set_neighbourhood(const Neighbourhood& neighbourhood) {
  {
    const std::lock_guard lock(mutex_);
    neighbourhood_ = neighbourhood;
  }
  apply_filter();
}

void LibtorrentSession::set_effort(Effort effort) {
  {
    const std::lock_guard lock(mutex_);
    if (effort_ == effort) return;
    effort_ = effort;
    for (auto& [id, torrent] : torrents_) {
      if (auto lease = torrent.line->lease()) torrent.line->set(std::move(lease), effort);
    }
  }
  mark_connections(session_, effort);
}

void LibtorrentSession::behave(const Manners& manners) { apply_manners(session_, classes_, manners); }

void LibtorrentSession::apply_filter() {
  const std::lock_guard lock(mutex_);
  AllowedPeers allowed{neighbourhood_, {}, doorkeeper_.shut_out()};
  for (const auto& [id, torrent] : torrents_) {
    if (const auto lease = torrent.line->lease()) allowed.origins.insert(lease->origin.address);
  }
  if (allowed_ == allowed) return;
  session_.set_peer_class_filter(make_class_filter(allowed, classes_));  // first: it counts when a connection is made
  session_.set_ip_filter(make_ip_filter(allowed));
  allowed_ = std::move(allowed);
}

void LibtorrentSession::lead(const InfoHash& id, const Lease& lease, int named) {
  const auto handle = handle_of(id);
  if (!handle) return;
  {
    const std::lock_guard lock(mutex_);
    auto* torrent = find(*handle);
    if (!torrent) return;
    const auto before = torrent->line->lease();
    if (!before) {
      torrent->leads_since = Clock::now();
      torrent->named = named;
    }
    // The token alone is another one with each answer that renews the lease.
    if (!before || before->origin != lease.origin) torrent->pace.begin_anew();
    torrent->line->set(lease, effort_);
    origin_ = lease.origin;
  }
  apply_filter();
  unless_gone([&] {
    handle->set_flags(lt::torrent_flags::sequential_download);
    handle->set_max_uploads(kLeaderSlots);
  });
  wake();
}

void LibtorrentSession::follow(const InfoHash& id) {
  const auto handle = handle_of(id);
  if (!handle) return;
  {
    const std::lock_guard lock(mutex_);
    auto* torrent = find(*handle);
    if (!torrent || !torrent->line->lease()) return;
    torrent->line->set({});
  }
  apply_filter();
  unless_gone([&] {
    handle->unset_flags(lt::torrent_flags::sequential_download);
    handle->set_max_uploads(-1);  // as many as the session has
  });
}

/// The origin, when it is time to connect to it; it then is not for a while.
std::optional<LibtorrentSession::Call> LibtorrentSession::origin_to_dial(const InfoHash& id) {
  const auto now = Clock::now();
  Call call;
  int named = 0;
  bool is_fresh = false;
  Clock::duration waited{};
  {
    const std::lock_guard lock(mutex_);
    const auto found = torrents_.find(id);
    if (found == torrents_.end()) return {};
    auto& torrent = found->second;
    const auto lease = torrent.line->lease();
    if (torrent.line->take_success()) torrent.pace.note_success();
    if (!lease || torrent.line->is_busy() || !torrent.pace.is_due(now)) return {};
    named = torrent.named;
    is_fresh = torrent.book.totals().verified() == 0_B;
    call = {lease->origin, is_fresh && !torrent.pace.was_dialled()};
    waited = now - torrent.leads_since;
  }
  // A machine that has nothing begins with the package: hardly anybody has more, and every moment counts.
  if (!is_fresh && waited < kGapLimit && has_gaps_that_neighbours_fill(id, named, waited)) return {};
  const std::lock_guard lock(mutex_);
  if (const auto found = torrents_.find(id); found != torrents_.end()) found->second.pace.dial(now);
  return call;
}

bool LibtorrentSession::has_gaps_that_neighbours_fill(const InfoHash& id, int named, Clock::duration waited) const {
  const auto seen = view(id);
  if (seen.neighbours < named && waited < kMeetLimit) return true;
  const auto wanted = missing(id);
  return std::ranges::any_of(seen.held, [&](std::uint32_t piece) { return std::ranges::binary_search(wanted, piece); });
}

void LibtorrentSession::dial_origins() {
  std::vector<InfoHash> leading;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, torrent] : torrents_) {
      // Not before whoever called lead() calls connect(), which knows the neighbours, too.
      const bool is_settled = Clock::now() - torrent.leads_since >= kSettled;
      if (is_settled && torrent.line->lease() && !torrent.line->is_busy()) leading.push_back(id);
    }
  }
  for (const auto& id : leading) connect(id, {});
}

ByteSource LibtorrentSession::source_of(const Endpoint& peer) const {
  // add_piece() posts its alert with no endpoint.
  if (peer.port == 0) return ByteSource::origin_http;
  if (is_origin(peer, origin_)) return ByteSource::origin_bt;
  const auto& [is_open, site, other] = neighbourhood_;
  const bool is_of_others = !is_open && !is_inside(peer.address, site) && is_inside(peer.address, other);
  return is_of_others ? ByteSource::other_site : ByteSource::site;
}

}  // namespace upswarm::agent
