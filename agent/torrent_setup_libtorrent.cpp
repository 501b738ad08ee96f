// Settings and facts behind them: libtorrent 2.0.8 as in Debian 12, read in its source or measured.
#include "agent/torrent_setup_libtorrent.hpp"

#include <algorithm>
#include <libtorrent/address.hpp>
#include <libtorrent/alert.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/extensions/smart_ban.hpp>
#include <libtorrent/posix_disk_io.hpp>
#include <libtorrent/read_resume_data.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/settings_pack.hpp>

#include "agent/byte_book.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/traffic_mark.hpp"

namespace upswarm::agent {
namespace {

using lt::settings_pack;

constexpr int kUnchokeSlots = 30;
constexpr int kAllowedFast = 5;  // pieces for those that are choked: a beginning (BEP 6)

/// Everything that finds peers or opens ports by itself is off. Local discovery, too: libtorrent believes all that it
/// hears, and a flood of it fills lists and connections (docs/decisions/0013-local-discovery.md).
void set_protocols(settings_pack& pack, const SwarmSettings& settings) {
  const bool is_v6 = settings.listen_address.find(':') != std::string::npos;
  pack.set_str(settings_pack::listen_interfaces,
               (is_v6 ? "[" + settings.listen_address + "]" : settings.listen_address) + ":" +
                   std::to_string(settings.listen_port));
  pack.set_int(settings_pack::max_retry_port_bind, 0);
  pack.set_bool(settings_pack::listen_system_port_fallback, false);
  pack.set_str(settings_pack::user_agent, "upswarm/" UPSWARM_VERSION);
  pack.set_str(settings_pack::peer_fingerprint, "-UP0100-");
  for (const auto off :
       {settings_pack::enable_dht, settings_pack::enable_lsd, settings_pack::enable_upnp, settings_pack::enable_natpmp,
        settings_pack::enable_incoming_utp, settings_pack::enable_outgoing_utp}) {
    pack.set_bool(off, false);  // uTP: 10 times slower than TCP on a LAN
  }
  pack.set_int(settings_pack::peer_dscp, kLowerEffort);
  // Packages are public on the LAN and verified by signed digests: obfuscation would only cost.
  pack.set_int(settings_pack::in_enc_policy, settings_pack::pe_disabled);
  pack.set_int(settings_pack::out_enc_policy, settings_pack::pe_disabled);
}

/// min_memory_usage() alone queues one byte for the disk and keeps 9 bytes in send buffers: 5 to 9 times slower.
void set_memory(settings_pack& pack) {
  pack.set_int(settings_pack::disk_io_write_mode, settings_pack::enable_os_cache);
  pack.set_int(settings_pack::disk_io_read_mode, settings_pack::enable_os_cache);
  pack.set_int(settings_pack::max_queued_disk_bytes, 2 << 20);
  pack.set_int(settings_pack::send_buffer_watermark, 256 << 10);
  pack.set_int(settings_pack::recv_socket_buffer_size, 0);
  pack.set_int(settings_pack::send_socket_buffer_size, 0);
  pack.set_int(settings_pack::max_allowed_in_request_queue, 500);
  pack.set_int(settings_pack::checking_mem_usage, 64);
  // A block that finished is an alert, and a lost one would be booked to the wrong source: room for several seconds.
  pack.set_int(settings_pack::alert_queue_size, 50'000);
}

/// A 10-second transfer must not lose as long again to pacing meant for strangers.
void set_pace(settings_pack& pack, const SwarmSettings& settings) {
  pack.set_int(settings_pack::connection_speed, 100);
  pack.set_int(settings_pack::torrent_connect_boost, 60);
  // What a site may fill with peers that are none: memory, and connections being tried.
  pack.set_int(settings_pack::max_peerlist_size, 500);
  pack.set_int(settings_pack::unchoke_interval, 1);
  pack.set_int(settings_pack::unchoke_slots_limit, kUnchokeSlots);
  pack.set_int(settings_pack::min_reconnect_time, 1);
  pack.set_int(settings_pack::max_failcount, 10);
  pack.set_int(settings_pack::connections_limit, 200);
  pack.set_int(settings_pack::peer_connect_timeout, 5);
  // A neighbour that takes requests and sends nothing holds up what others would send.
  pack.set_int(settings_pack::request_timeout, 10);
  pack.set_int(settings_pack::piece_timeout, 5);
  // Requests for a second: 1000 Mbit/s over 60 ms are 460 of them, and who dies or chokes us takes few with it.
  pack.set_int(settings_pack::request_queue_time, 1);
  pack.set_int(settings_pack::max_out_request_queue, 1000);
  // With several peers to an address a ban holds for one port only, and whoever is banned comes back by another.
  pack.set_bool(settings_pack::allow_multiple_connections_per_ip, is_loopback(settings.listen_address));
}

}  // namespace

lt::ip_filter make_ip_filter(const AllowedPeers& allowed) {
  lt::ip_filter filter;
  const auto add = [&](const std::set<std::string>& addresses, std::uint32_t flags) {
    for (const auto& one : addresses) {
      lt::error_code problem;
      const auto address = lt::make_address(one, problem);
      if (!problem) filter.add_rule(address, address, flags);
    }
  };
  if (!allowed.neighbourhood.is_open) {
    filter.add_rule(lt::make_address_v4("0.0.0.0"), lt::make_address_v4("255.255.255.255"), lt::ip_filter::blocked);
    filter.add_rule(lt::make_address_v6("::"), lt::make_address_v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                    lt::ip_filter::blocked);
  }
  for (const auto* networks : {&allowed.neighbourhood.site, &allowed.neighbourhood.other}) {
    for (const auto& network : *networks) filter.add_rule(network.first(), network.last(), 0);
  }
  add(allowed.shut_out, lt::ip_filter::blocked);
  add(allowed.origins, 0);
  return filter;
}

PeerClasses make_peer_classes(lt::session& session) {
  return {session.create_peer_class("site"), session.create_peer_class("other"), session.create_peer_class("origin")};
}

lt::ip_filter make_class_filter(const AllowedPeers& allowed, const PeerClasses& classes) {
  const auto flags = [](lt::peer_class_t kind) {
    const auto bit = [](lt::peer_class_t one) { return std::uint32_t{1} << static_cast<std::uint32_t>(one); };
    return bit(lt::session_handle::global_peer_class_id) | bit(kind);
  };
  lt::ip_filter filter;
  filter.add_rule(lt::make_address_v4("0.0.0.0"), lt::make_address_v4("255.255.255.255"), flags(classes.site));
  filter.add_rule(lt::make_address_v6("::"), lt::make_address_v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                  flags(classes.site));
  for (const auto& network : allowed.neighbourhood.other) {
    filter.add_rule(network.first(), network.last(), flags(classes.other));
  }
  for (const auto& network : allowed.neighbourhood.site) {
    filter.add_rule(network.first(), network.last(), flags(classes.site));
  }
  for (const auto& origin : allowed.origins) {
    lt::error_code problem;
    const auto address = lt::make_address(origin, problem);
    if (!problem) filter.add_rule(address, address, flags(classes.origin));
  }
  return filter;
}

void apply_manners(lt::session& session, const PeerClasses& classes, const Manners& manners) {
  const auto limit = [](std::uint64_t rate) { return static_cast<int>(std::min<std::uint64_t>(rate, INT_MAX)); };
  for (const auto& [kind, traffic] : {std::pair{classes.site, Traffic::site}, std::pair{classes.other, Traffic::other},
                                      std::pair{classes.origin, Traffic::origin}}) {
    const auto& rates = of(manners.rates, traffic);
    auto info = session.get_peer_class(kind);
    info.upload_limit = limit(rates.upload);
    info.download_limit = limit(rates.download);
    session.set_peer_class(kind, info);
  }
  const auto& all = of(manners.rates, Traffic::all);
  lt::settings_pack pack;
  pack.set_int(settings_pack::upload_rate_limit, limit(all.upload));
  pack.set_int(settings_pack::download_rate_limit, limit(all.download));
  pack.set_int(settings_pack::unchoke_slots_limit, manners.may_upload ? kUnchokeSlots : 0);
  pack.set_int(settings_pack::allowed_fast_set_size, manners.may_upload ? kAllowedFast : 0);
  session.apply_settings(std::move(pack));
}

void mark_connections(lt::session& session, Effort effort) {
  lt::settings_pack pack;
  pack.set_int(settings_pack::peer_dscp, effort == Effort::background ? kLowerEffort : kDefaultEffort);
  session.apply_settings(std::move(pack));
}

void drop_idle(lt::session& session, bool drops) {
  lt::settings_pack pack;
  pack.set_bool(settings_pack::close_redundant_connections, drops);
  session.apply_settings(std::move(pack));
}

void set_tick(lt::session& session, std::chrono::milliseconds every) {
  lt::settings_pack pack;
  pack.set_int(settings_pack::tick_interval, static_cast<int>(every.count()));
  session.apply_settings(std::move(pack));
}

lt::session_params make_session_params(const SwarmSettings& settings) {
  auto pack = lt::min_memory_usage();
  set_protocols(pack, settings);
  set_memory(pack);
  set_pace(pack, settings);
  using namespace lt::alert_category;  // NOLINT(google-build-using-namespace): these words mean nothing alone
  pack.set_int(settings_pack::alert_mask,
               static_cast<int>(static_cast<std::uint32_t>(error | status | storage | peer | piece_progress |
                                                           block_progress | ip_block)));
  lt::session_params params(std::move(pack), {});  // no plugins: no peer exchange, no metadata by magnet
  params.disk_io_constructor = lt::posix_disk_io_constructor;
  return params;
}

Error not_that_torrent(const trust::PackageFile& file, std::string cause) {
  return {ErrorKind::corrupt, "read the torrent of " + file.path, std::move(cause), "torrent"};
}

Result<std::shared_ptr<lt::torrent_info>> read_torrent(const TorrentToAdd& torrent) {
  const auto& file = torrent.file;
  if (torrent.torrent.size() > trust::kLongestTorrent.count)
    return not_that_torrent(file, "longer than " + to_string(trust::kLongestTorrent));
  if (file.length == 0_B || file.piece_length < kBlockSize) return not_that_torrent(file, "no length or piece length");
  constexpr auto kMost = static_cast<int>(trust::kLongestTorrent.count);
  lt::load_torrent_limits limits;
  limits.max_buffer_size = kMost;
  limits.max_pieces = kMost / 20;
  limits.max_decode_depth = 8;
  limits.max_decode_tokens = 200;
  std::shared_ptr<lt::torrent_info> info;
  try {
    info = std::make_shared<lt::torrent_info>(lt::span<const char>(torrent.torrent), limits, lt::from_span);
  } catch (const std::exception& problem) {
    return not_that_torrent(file, problem.what());
  }
  if (info->info_hashes().has_v2()) return not_that_torrent(file, "a v2 or hybrid torrent");
  const auto hash = info->info_hashes().v1;
  if (to_hex(std::as_bytes(std::span(hash.data(), hash.size()))) != file.info_hash) {
    return not_that_torrent(file, "its info-hash is not the signed one");
  }
  if (info->num_files() != 1 || info->total_size() != static_cast<std::int64_t>(file.length.count) ||
      info->piece_length() != static_cast<std::int64_t>(file.piece_length.count)) {
    return not_that_torrent(file, "not one file of the signed length and piece length");
  }
  if (info->files().file_flags(lt::file_index_t{0}) != lt::file_flags_t{} || !info->ssl_cert().empty()) {
    return not_that_torrent(file, "padding, link or TLS torrents are not used here");
  }
  info->clear_trackers();
  info->clear_web_seeds();
  return info;
}

lt::add_torrent_params make_add_params(const TorrentToAdd& torrent, std::shared_ptr<lt::torrent_info> info,
                                       const SwarmSettings& settings) {
  lt::add_torrent_params params;
  if (!torrent.resume.empty()) {
    lt::error_code problem;
    auto resume = lt::read_resume_data(lt::span<const char>(torrent.resume), problem);
    if (!problem && resume.info_hashes.v1 == info->info_hashes().v1) {  // else: the file is checked
      params.have_pieces = std::move(resume.have_pieces);
      params.unfinished_pieces = std::move(resume.unfinished_pieces);
    }
  }
  params.ti = std::move(info);
  params.save_path = settings.cache.string();
  params.renamed_files[lt::file_index_t{0}] = torrent.file_name;
  params.flags &= ~(lt::torrent_flags::paused | lt::torrent_flags::auto_managed);
  params.flags |= lt::torrent_flags::upload_mode | lt::torrent_flags::disable_dht | lt::torrent_flags::disable_pex |
                  lt::torrent_flags::disable_lsd;
  params.extensions.emplace_back(&lt::create_smart_ban_plugin);
  return params;
}

}  // namespace upswarm::agent
