// Giving packages to agents by BitTorrent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "seeder/catalogue.hpp"
#include "seeder/leases.hpp"

namespace upswarm::seeder {

struct SeedingSettings {
  std::string listen = "0.0.0.0";
  std::uint16_t port = 6969;  ///< 0: any
  Bytes upload_limit;         ///< a second; 0: none
  Leases* leases = nullptr;   ///< must outlive it; nothing: an open origin, everybody is served
};

struct SeedingStats {
  Bytes uploaded;          ///< payload since the start
  std::int64_t peers = 0;  ///< connected now
  std::int64_t torrents = 0;
};

/// One BitTorrent session that only seeds, to those who have a lease (lease_plugin_libtorrent.hpp). No DHT, UPnP,
/// NAT-PMP, local discovery or peer exchange; TCP alone; nobody is exempt from the limit. Calls from any thread.
class Seeding {
 public:
  virtual ~Seeding() = default;
  /// Seeds these, and nothing else any more. Files are believed to be whole: they were checked when they came in.
  virtual void seed_only(const std::vector<SeedFile>& seeds) = 0;
  virtual std::uint16_t port() const = 0;
  virtual SeedingStats stats() const = 0;
};

/// By libtorrent.
/// Errors: busy      the port is in use (named); denied  it may not be opened; unreachable  no such address here;
///         internal  the library failed.
Result<std::unique_ptr<Seeding>> start_libtorrent_seeding(const SeedingSettings& settings);

}  // namespace upswarm::seeder
