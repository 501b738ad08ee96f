// How sessions and torrents are set up; for *_libtorrent.cpp files only.
#pragma once

#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/ip_filter.hpp>
#include <libtorrent/peer_class.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_info.hpp>
#include <memory>
#include <set>

#include "agent/torrent_session.hpp"

namespace upswarm::agent {

/// Small memory, no discovery, quick choices. May throw what libtorrent throws.
lt::session_params make_session_params(const SwarmSettings& settings);

/// Whose connections a session takes and makes.
struct AllowedPeers {
  Neighbourhood neighbourhood;
  std::set<std::string> origins;        ///< addresses that a lease is for
  std::set<std::string> shut_out = {};  ///< addresses that count nowhere else, but as an origin

  bool operator==(const AllowedPeers&) const = default;
};
lt::ip_filter make_ip_filter(const AllowedPeers& allowed);

/// Kinds of peers that have limits of their own.
struct PeerClasses {
  lt::peer_class_t site;
  lt::peer_class_t other;
  lt::peer_class_t origin;
};
PeerClasses make_peer_classes(lt::session& session);
/// Who is of which kind; everybody is of libtorrent's global class besides. Holds for connections made afterwards.
lt::ip_filter make_class_filter(const AllowedPeers& allowed, const PeerClasses& classes);
/// Rates of all and of each kind; who must not upload unchokes nobody.
void apply_manners(lt::session& session, const PeerClasses& classes, const Manners& manners);
/// How connections made afterwards are marked.
void mark_connections(lt::session& session, Effort effort);
/// Whether connections are cut over which neither side wants anything: at first they are.
void drop_idle(lt::session& session, bool drops);
/// How often the library wakes by itself; it keeps to this from its next tick on.
void set_tick(lt::session& session, std::chrono::milliseconds every);

/// The torrent, if it is exactly the signed file's. Trackers and web seeds of it are dropped.   Errors: corrupt.
Result<std::shared_ptr<lt::torrent_info>> read_torrent(const TorrentToAdd& torrent);

/// Held (upload mode), with the resume data if they are of this torrent.
lt::add_torrent_params make_add_params(const TorrentToAdd& torrent, std::shared_ptr<lt::torrent_info> info,
                                       const SwarmSettings& settings);

/// The error of a torrent that does not fit its signed description.
Error not_that_torrent(const trust::PackageFile& file, std::string cause);

}  // namespace upswarm::agent
