// How much each package is used: what tells a publisher which deltas are worth their bytes.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/json.hpp"

namespace upswarm::seeder {

/// Counted in memory, and written from time to time. Nobody signs what is counted: it is an estimate that moves
/// nothing.
class PackageUse {
 public:
  /// A machine has the whole package now, wherever it came from: it told the tracker. `info_hash`: 20 raw bytes. Any
  /// thread.
  void note_complete(const std::string& info_hash, std::int64_t machines = 1);
  /// So many bytes of a target were asked for by HTTP. Any thread.
  void note_http(const Sha256& target, Bytes asked);

  /// Adds what was counted since the last time; nothing is lost by an error. Targets that are no packages are dropped.
  /// `database` must not be in use by another thread.   Errors: of the database.
  Result<void> write(Database& database, Time now);

 private:
  std::mutex mutex_;
  std::map<std::string, std::int64_t> completed_;  ///< by info-hash
  std::map<Sha256, std::uint64_t> http_;
};

/// [{"path", "length", "machines", "http_bytes", "last"} ...] of all packages that are offered, by path: how many
/// machines told the tracker that they had it whole, how many bytes of it were asked for by HTTP, and when it was last
/// used ("" : never). Counted since the package came, by content.
Result<Json> describe_use(Database& database);

}  // namespace upswarm::seeder
