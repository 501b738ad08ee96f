#include "seeder/server.hpp"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "protocol/base/file_lock.hpp"
#include "protocol/base/hex.hpp"
#include "seeder/api.hpp"
#include "seeder/durable.hpp"
#include "seeder/http_server.hpp"
#include "seeder/migrations.hpp"
#include "seeder/names.hpp"
#include "seeder/tls.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(500);
constexpr auto kWriteUseEvery = std::chrono::seconds(5);
constexpr auto kSignAgainAfter = std::chrono::seconds(60);

Result<FileLock> lock_folder(const SeederFolder& folder) {
  auto lock = FileLock::take(folder.lock());
  if (lock || lock.error().kind != ErrorKind::busy) return lock;
  return Error{ErrorKind::busy, "use the folder " + folder.root.string(), "another seeder runs on it", "locked"};
}

std::map<std::string, Bytes> torrents_of(const std::vector<SeedFile>& seeds) {
  std::map<std::string, Bytes> torrents;
  for (const auto& seed : seeds) {
    const auto raw = from_hex(seed.facts.info_hash).value_or({});
    torrents.emplace(as_text(raw), seed.facts.piece_length);
  }
  return torrents;
}

std::map<Sha256, std::string> packages_of(const std::vector<SeedFile>& seeds) {
  std::map<Sha256, std::string> info_hashes;
  for (const auto& seed : seeds) {
    const auto digest = digest_in(seed.file.filename().string());
    if (digest) info_hashes.emplace(*digest, as_text(from_hex(seed.facts.info_hash).value_or({})));
  }
  return info_hashes;
}

TrackerSettings tracker_settings(const SeederConfig& config, std::uint16_t bittorrent_port) {
  TrackerSettings settings{.interval = std::chrono::ceil<std::chrono::seconds>(config.announce_interval),
                           .seeder_port = bittorrent_port,
                           .seeder_address = {},
                           .open_origin = config.open_origin};
  if (!config.public_address.empty()) settings.seeder_address = boost::asio::ip::make_address(config.public_address);
  return settings;
}

Result<void> tell_ports(Files& files, const SeederConfig& config, std::uint16_t port, std::uint16_t bittorrent_port) {
  const Json listening{
      {"port", port}, {"bittorrent_port", bittorrent_port}, {"tls", config.tls}, {"process", process_id()}};
  UPSWARM_CHECK(write_file_atomically(files, config.folder.listening(), upswarm::to_text(listening) + "\n"));
  log::info("seeder started", {{"folder", config.folder.root.string()},
                               {"listen", config.listen},
                               {"port", port},
                               {"tls", config.tls ? "yes" : "no"},
                               {"bittorrent_port", bittorrent_port}});
  return {};
}

/// Looks for bundles and signs what is due, until `stop`.
void work(Incoming& incoming, const Clock& clock, const std::function<void()>& each_time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  Time not_before{};
  LifeWarnings warnings;
  while (!stop.stop_requested()) {
    if (const auto count = incoming.poll(); !count)
      log::error("incoming cannot be read", {{"why", count.error().message()}});
    if (const auto now = clock.now(); now >= not_before && incoming.must_sign()) {
      not_before = now + kSignAgainAfter;
      if (const auto signed_now = incoming.sign(Signing::due); !signed_now) {
        log::error("signing failed", {{"why", signed_now.error().message()}});
      }
    }
    warnings.look(incoming.lives(), clock.now());
    each_time();
    never.wait_for(lock, stop, kLookEvery, [] { return false; });
  }
}

}  // namespace

Result<void> run_seeder(const SeederConfig& config, const std::stop_token& stop) {
  auto& files = system_files();
  const auto& clock = system_clock();
  UPSWARM_CHECK(make_seeder_folder(files, config.folder));
  UPSWARM_TRY(const auto lock, lock_folder(config.folder));
  if (config.makes_certificate) {
    UPSWARM_CHECK(make_certificate(files, config.tls_certificate, config.tls_key, config.names));
  }
  UPSWARM_TRY(auto own_records, Database::open(config.folder.database(), kMigrations));
  UPSWARM_TRY(auto records, Database::open(config.folder.database(), kMigrations));

  const SiteMap sites(config.sites);
  Leases leases(clock);
  std::unique_ptr<Seeding> seeding;
  if (config.bittorrent) {
    UPSWARM_TRY(seeding, start_libtorrent_seeding({config.bittorrent_listen, config.bittorrent_port,
                                                   config.upload_limit, config.open_origin ? nullptr : &leases}));
  }
  const auto tracking = tracker_settings(config, seeding ? seeding->port() : std::uint16_t{0});
  Tracker tracker(tracking, sites, leases, clock);
  PackageGate gate(config.http_ration, sites, leases, clock);

  Incoming incoming(files, config.folder, config.keys_folder, own_records, clock);
  incoming.when_changed([&](const RepositoryView& view) {
    const auto seeds = list_seed_files(files, config.folder.repository(), view);
    if (seeding) seeding->seed_only(seeds);
    tracker.track_only(torrents_of(seeds));
    gate.offer_only(packages_of(seeds));
  });
  UPSWARM_CHECK(incoming.start());
  Uploads uploads(files, config.folder, config.largest_upload);
  UPSWARM_CHECK(uploads.tidy());
  // Before anybody is served: a crash may have left a new root without the roles that go with it, and what is here may
  // be a backup, older than what clients have seen.
  UPSWARM_CHECK(incoming.poll());
  if (const auto signed_now = incoming.sign(Signing::all); !signed_now) {
    log::error("signing failed", {{"why", signed_now.error().message()}});
  }

  PackageUse use;
  Api api({files, config.folder, records, tracker, incoming, uploads, seeding.get(), clock, use, gate,
           config.enrolled_leaders});
  const HttpServerSettings serving{config.listen,          config.port,    config.tls,
                                   config.tls_certificate, config.tls_key, config.most_connections};
  UPSWARM_TRY(const auto server, start_http_server(serving, api));
  UPSWARM_CHECK(tell_ports(files, config, server->port(), tracking.seeder_port));
  Time next_write{};
  const auto write_use = [&] {
    for (const auto& [info_hash, machines] : tracker.take_completed()) use.note_complete(info_hash, machines);
    if (clock.now() < next_write && !stop.stop_requested()) return;
    next_write = clock.now() + kWriteUseEvery;
    if (const auto written = use.write(own_records, clock.now()); !written)
      log::warning("the use of packages was not written", {{"why", written.error().message()}});
  };
  work(incoming, clock, write_use, stop);
  write_use();
  log::info("seeder stops");
  return {};
}

namespace {

/// Incoming alone, with the folder locked.
struct Writer {
  explicit Writer(FileLock held, Database opened, const SeederConfig& config)
      : lock(std::move(held)),
        records(std::move(opened)),
        incoming(system_files(), config.folder, config.keys_folder, records, system_clock()) {}

  FileLock lock;
  Database records;
  Incoming incoming;
};

Result<std::unique_ptr<Writer>> open_writer(const SeederConfig& config) {
  UPSWARM_CHECK(make_seeder_folder(system_files(), config.folder));
  UPSWARM_TRY(auto lock, lock_folder(config.folder));
  UPSWARM_TRY(auto records, Database::open(config.folder.database(), kMigrations));
  auto writer = std::make_unique<Writer>(std::move(lock), std::move(records), config);
  UPSWARM_CHECK(writer->incoming.start());
  return writer;
}

}  // namespace

Result<IncomingCount> take_in_incoming(const SeederConfig& config) {
  UPSWARM_TRY(const auto writer, open_writer(config));
  return writer->incoming.poll();
}

Result<SignedOnce> sign_once(const SeederConfig& config) {
  UPSWARM_TRY(const auto writer, open_writer(config));
  writer->incoming.trust_clock();
  UPSWARM_TRY(const auto count, writer->incoming.poll());
  SignedOnce done{.taken = count.taken, .refused = count.refused, .waiting = count.waiting, .is_signed = false};
  UPSWARM_TRY(done.is_signed, writer->incoming.sign(Signing::all));
  return done;
}

}  // namespace upswarm::seeder
