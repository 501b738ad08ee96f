#include <libtorrent/alert_types.hpp>
#include <libtorrent/fingerprint.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/session_stats.hpp>
#include <libtorrent/torrent_info.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/traffic_mark.hpp"
#include "protocol/torrent/peer_classes_libtorrent.hpp"
#include "seeder/lease_plugin_libtorrent.hpp"
#include "seeder/seeding.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kListenLimit = std::chrono::seconds(10);
constexpr auto kStatsEvery = std::chrono::seconds(2);

lt::settings_pack make_settings(const SeedingSettings& wanted) {
  lt::settings_pack pack;
  const bool is_v6 = wanted.listen.find(':') != std::string::npos;
  pack.set_str(lt::settings_pack::listen_interfaces,
               (is_v6 ? "[" + wanted.listen + "]" : wanted.listen) + ":" + std::to_string(wanted.port));
  pack.set_str(lt::settings_pack::user_agent, "upswarm");
  pack.set_str(lt::settings_pack::peer_fingerprint, lt::generate_fingerprint("UP", 0, 1, 0, 0));
  for (const auto off : {lt::settings_pack::enable_dht, lt::settings_pack::enable_lsd, lt::settings_pack::enable_upnp,
                         lt::settings_pack::enable_natpmp, lt::settings_pack::enable_incoming_utp,
                         lt::settings_pack::enable_outgoing_utp, lt::settings_pack::listen_system_port_fallback}) {
    pack.set_bool(off, false);
  }
  pack.set_bool(lt::settings_pack::allow_multiple_connections_per_ip, true);  // a site behind one address
  pack.set_int(lt::settings_pack::max_retry_port_bind, 0);
  pack.set_int(lt::settings_pack::connections_limit, 8000);
  pack.set_int(lt::settings_pack::listen_queue_size, 200);
  // Whoever has a lease is served at once; what a choked peer may ask for would go past the leases.
  pack.set_int(lt::settings_pack::unchoke_slots_limit, wanted.leases != nullptr ? -1 : 200);
  if (wanted.leases != nullptr) pack.set_int(lt::settings_pack::allowed_fast_set_size, 0);
  // An idle leecher is one that gets its pieces from neighbours: it must find us at once when they cannot help.
  pack.set_int(lt::settings_pack::request_timeout, 60);
  pack.set_int(lt::settings_pack::peer_timeout, 120);
  pack.set_int(lt::settings_pack::inactivity_timeout, 300);
  pack.set_int(lt::settings_pack::send_buffer_watermark, 3 * 1024 * 1024);
  // Background, until the holder of a lease says that a user waits (lease_plugin_libtorrent.cpp).
  pack.set_int(lt::settings_pack::peer_dscp, kLowerEffort);
  pack.set_int(lt::settings_pack::upload_rate_limit,
               static_cast<int>(std::min<std::uint64_t>(wanted.upload_limit.count, 2'000'000'000)));
  pack.set_int(lt::settings_pack::alert_mask,
               lt::alert_category::error | lt::alert_category::status | lt::alert_category::performance_warning);
  pack.set_int(lt::settings_pack::alert_queue_size, 10'000);
  return pack;
}

ErrorKind kind_of(const lt::error_code& code) {
  if (code == boost::system::errc::address_in_use) return ErrorKind::busy;
  if (code == boost::system::errc::permission_denied) return ErrorKind::denied;
  if (code == boost::system::errc::address_not_available) return ErrorKind::unreachable;
  return ErrorKind::internal;
}

class LibtorrentSeeding final : public Seeding {
 public:
  explicit LibtorrentSeeding(const SeedingSettings& settings)
      : leases_(settings.leases), session_(make_params(settings)) {
    session_.set_peer_class_filter(global_class_for_all());
  }

  ~LibtorrentSeeding() override {
    watcher_.request_stop();
    if (watcher_.joinable()) watcher_.join();
  }

  /// Waits for the port, then starts the thread that reads alerts.
  Result<void> start(const SeedingSettings& settings) {
    const auto where = "listen for BitTorrent on " + settings.listen + " port " + std::to_string(settings.port);
    const auto deadline = std::chrono::steady_clock::now() + kListenLimit;
    while (std::chrono::steady_clock::now() < deadline) {
      session_.wait_for_alert(std::chrono::milliseconds(200));
      std::vector<lt::alert*> alerts;
      session_.pop_alerts(&alerts);
      for (const auto* alert : alerts) {
        if (const auto* failed = lt::alert_cast<lt::listen_failed_alert>(alert)) {
          return Error{kind_of(failed->error), where, failed->error.message()};
        }
        const auto* listening = lt::alert_cast<lt::listen_succeeded_alert>(alert);
        if (listening == nullptr || listening->socket_type != lt::socket_type_t::tcp) continue;
        port_ = static_cast<std::uint16_t>(listening->port);
        watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
        return {};
      }
    }
    return Error{ErrorKind::internal, where, "libtorrent said neither yes nor no"};
  }

  void seed_only(const std::vector<SeedFile>& seeds) override {
    const std::lock_guard turn(turn_);
    std::set<trust::InfoHash> wanted;
    for (const auto& seed : seeds) wanted.insert(seed.facts.info_hash);
    std::erase_if(handles_, [&](const auto& one) {
      if (wanted.contains(one.first)) return false;
      session_.remove_torrent(one.second);
      return true;
    });
    for (const auto& seed : seeds) {
      if (handles_.contains(seed.facts.info_hash)) continue;
      if (const auto added = add(seed); !added) {
        log::error("a package is not seeded", {{"path", seed.path}, {"why", added.error().message()}});
      }
    }
    torrents_ = static_cast<std::int64_t>(handles_.size());
  }

  std::uint16_t port() const override { return port_; }
  SeedingStats stats() const override { return {Bytes{uploaded_}, peers_, torrents_}; }

 private:
  static lt::session_params make_params(const SeedingSettings& settings) {
    return {make_settings(settings), std::vector<std::shared_ptr<lt::plugin>>()};  // no plugins: no peer exchange
  }

  Result<void> add(const SeedFile& seed) {
    lt::error_code failed;
    lt::add_torrent_params params;
    params.ti = std::make_shared<lt::torrent_info>(
        lt::span<const char>(seed.torrent.data(), static_cast<std::ptrdiff_t>(seed.torrent.size())), failed,
        lt::from_span);
    if (failed) return Error{ErrorKind::corrupt, "read the torrent", failed.message()};
    params.save_path = seed.file.parent_path().string();
    params.renamed_files[lt::file_index_t(0)] = seed.file.filename().string();
    params.flags = lt::torrent_flags::seed_mode | lt::torrent_flags::disable_dht | lt::torrent_flags::disable_lsd |
                   lt::torrent_flags::disable_pex | lt::torrent_flags::no_verify_files;
    if (leases_ != nullptr) {
      UPSWARM_TRY(const auto raw, from_hex(seed.facts.info_hash));
      params.extensions.emplace_back([plugin = make_lease_plugin(std::string(as_text(raw)), *leases_)](
                                         const lt::torrent_handle&, lt::client_data_t) { return plugin; });
    }
    auto handle = session_.add_torrent(std::move(params), failed);
    if (failed) return Error{ErrorKind::internal, "add the torrent", failed.message()};
    handles_.emplace(seed.facts.info_hash, std::move(handle));
    return {};
  }

  void watch(const std::stop_token& stop) {
    static const int uploaded_at = lt::find_metric_idx("net.sent_payload_bytes");
    static const int peers_at = lt::find_metric_idx("peer.num_peers_connected");
    auto next_stats = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      if (const auto now = std::chrono::steady_clock::now(); now >= next_stats) {
        session_.post_session_stats();
        next_stats = now + kStatsEvery;
      }
      session_.wait_for_alert(std::chrono::milliseconds(250));
      std::vector<lt::alert*> alerts;
      session_.pop_alerts(&alerts);
      for (const auto* alert : alerts) {
        if (const auto* stats = lt::alert_cast<lt::session_stats_alert>(alert)) {
          uploaded_ = static_cast<std::uint64_t>(stats->counters()[uploaded_at]);
          peers_ = stats->counters()[peers_at];
        } else if (const auto* file = lt::alert_cast<lt::file_error_alert>(alert)) {
          log::error("seeding failed", {{"file", file->filename()}, {"why", file->error.message()}});
        } else {
          log::debug("libtorrent", {{"says", alert->message()}});
        }
      }
    }
  }

  Leases* const leases_;
  lt::session session_;
  std::mutex turn_;
  std::map<trust::InfoHash, lt::torrent_handle> handles_;
  std::atomic<std::uint16_t> port_ = 0;
  std::atomic<std::uint64_t> uploaded_ = 0;
  std::atomic<std::int64_t> peers_ = 0;
  std::atomic<std::int64_t> torrents_ = 0;
  std::jthread watcher_;
};

}  // namespace

Result<std::unique_ptr<Seeding>> start_libtorrent_seeding(const SeedingSettings& settings) {
  try {
    auto seeding = std::make_unique<LibtorrentSeeding>(settings);
    UPSWARM_CHECK(seeding->start(settings));
    return std::unique_ptr<Seeding>(std::move(seeding));
  } catch (const std::exception& problem) {
    return Error{ErrorKind::internal, "start BitTorrent", problem.what()};
  }
}

}  // namespace upswarm::seeder
