#include "seeder/package_use.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/base/hex.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kMostCounted = 100'000;  // between two writes
constexpr auto kMostBytes = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 4);

}  // namespace

void PackageUse::note_complete(const std::string& info_hash, std::int64_t machines) {
  const std::lock_guard lock(mutex_);
  if (completed_.size() < kMostCounted) completed_[info_hash] += machines;
}

void PackageUse::note_http(const Sha256& target, Bytes asked) {
  const std::lock_guard lock(mutex_);
  if (http_.size() >= kMostCounted) return;
  auto& counted = http_[target];
  counted = std::min(counted + std::min(asked.count, kMostBytes), kMostBytes);
}

Result<void> PackageUse::write(Database& database, Time now) {
  decltype(completed_) completed;
  decltype(http_) http;
  {
    const std::lock_guard lock(mutex_);
    if (completed_.empty() && http_.empty()) return {};
    completed = std::exchange(completed_, {});
    http = std::exchange(http_, {});
  }
  const auto written = database.transact([&]() -> Result<void> {
    for (const auto& [info_hash, machines] : completed) {
      UPSWARM_CHECK(database.run(
          "INSERT INTO package_use (sha256, machines, http_bytes, last) "
          "SELECT t.sha256, ?2, 0, ?3 FROM torrents o JOIN targets t ON t.path = o.path WHERE o.info_hash = ?1 "
          "ON CONFLICT (sha256) DO UPDATE SET machines = machines + excluded.machines, last = excluded.last",
          {to_hex(as_bytes(info_hash)), machines, to_string(now)}));
    }
    for (const auto& [target, bytes] : http) {
      UPSWARM_CHECK(database.run(
          "INSERT INTO package_use (sha256, machines, http_bytes, last) SELECT ?1, 0, ?2, ?3 WHERE EXISTS "
          "(SELECT 1 FROM targets t JOIN torrents o ON t.path = o.path WHERE t.sha256 = ?1) "
          "ON CONFLICT (sha256) DO UPDATE SET http_bytes = min(http_bytes + excluded.http_bytes, 4611686018427387904), "
          "last = excluded.last",
          {target.hex(), static_cast<std::int64_t>(bytes), to_string(now)}));
    }
    return {};
  });
  if (written) return {};
  for (const auto& [info_hash, machines] : completed) note_complete(info_hash, machines);
  for (const auto& [target, bytes] : http) note_http(target, Bytes{bytes});
  return written;
}

Result<Json> describe_use(Database& database) {
  UPSWARM_TRY(const auto rows,
              database.run("SELECT o.path, o.length, coalesce(u.machines, 0), coalesce(u.http_bytes, 0), "
                           "coalesce(u.last, '') FROM torrents o JOIN targets t ON t.path = o.path "
                           "LEFT JOIN package_use u ON u.sha256 = t.sha256 ORDER BY o.path"));
  Json list = Json::array();
  for (const auto& row : rows) {
    list.push_back({{"path", row.text(0)},
                    {"length", row.integer(1)},
                    {"machines", row.integer(2)},
                    {"http_bytes", row.integer(3)},
                    {"last", row.text(4)}});
  }
  return list;
}

}  // namespace upswarm::seeder
