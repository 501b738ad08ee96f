#include "seeder/reports.hpp"

#include "protocol/base/json.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::int64_t kPruneEvery = 1000;

/// From columns machine, number, product, from, to, running, kind, result, reason, at, milliseconds, bytes, trusted,
/// received.
Result<StoredReport> read_row(const SqlRow& row) {
  StoredReport stored{.report = {}, .trusted = row.integer(12) != 0, .received = row.text(13)};
  auto& outcome = stored.report.outcome;
  stored.report.machine = row.text(0);
  outcome.number = row.integer(1);
  outcome.product = row.text(2);
  outcome.from = row.text(3);
  outcome.to = row.text(4);
  outcome.running = row.text(5);
  outcome.kind = row.text(6);
  outcome.result = row.text(7);
  outcome.reason = row.text(8);
  UPSWARM_TRY(outcome.at, parse_time(row.text(9)));
  outcome.milliseconds = row.integer(10);
  UPSWARM_TRY(const auto bytes, parse_json(row.text(11), "the bytes of a report"));
  UPSWARM_TRY(stored.report.bytes, messages::parse_source_bytes(bytes));
  return stored;
}

}  // namespace

Result<messages::Report> read_report(std::string_view text) {
  UPSWARM_TRY(const auto json, parse_json(text, "report", {.longest = messages::kLongestReport, .deepest = 4}));
  UPSWARM_TRY(auto report, messages::parse_report(json));
  if (report.machine.empty()) return Error{ErrorKind::corrupt, "report: machine", "it is empty"};
  return report;
}

Result<bool> Reports::store(const messages::Report& report, const std::string& signer, Time received) {
  const auto& outcome = report.outcome;
  const bool trusted = !signer.empty();
  // Else whoever guesses a report's number and time, and is first, would keep the machine's own from counting.
  UPSWARM_TRY(
      const auto rows,
      database_.run("INSERT INTO reports (machine, number, product, from_version, to_version, running, kind, result, "
                    "reason, at, milliseconds, bytes, received, trusted, signer) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (machine, number, product, at) DO UPDATE SET from_version = excluded.from_version, "
                    "to_version = excluded.to_version, running = excluded.running, kind = excluded.kind, "
                    "result = excluded.result, reason = excluded.reason, milliseconds = excluded.milliseconds, "
                    "bytes = excluded.bytes, received = excluded.received, trusted = 1, signer = excluded.signer "
                    "WHERE excluded.trusted = 1 AND reports.signer <> excluded.signer RETURNING id",
                    {report.machine, outcome.number, outcome.product, outcome.from, outcome.to, outcome.running,
                     outcome.kind, outcome.result, outcome.reason, to_string(outcome.at), outcome.milliseconds,
                     to_text(messages::to_json(report.bytes)), to_string(received), std::int64_t{trusted}, signer}));
  if (rows.empty()) return false;
  UPSWARM_CHECK(prune(report.machine, trusted, rows.front().integer(0)));
  return true;
}

Result<void> Reports::prune(const std::string& machine, bool trusted, std::int64_t id) {
  if (trusted) {
    UPSWARM_CHECK(
        database_.run("DELETE FROM reports WHERE trusted = 1 AND machine = ? AND id <= (SELECT id FROM reports "
                      "WHERE trusted = 1 AND machine = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                      {machine, machine, limits_.trusted_of_machine}));
  } else if (id % std::min(kPruneEvery, limits_.untrusted) == 0) {
    UPSWARM_CHECK(
        database_.run("DELETE FROM reports WHERE trusted = 0 AND id <= (SELECT id FROM reports "
                      "WHERE trusted = 0 ORDER BY id DESC LIMIT 1 OFFSET ?)",
                      {limits_.untrusted}));
  }
  return {};
}

Result<std::vector<OutcomeCount>> Reports::count_outcomes(const std::string& product, const std::string& version) {
  std::string sql =
      "SELECT to_version, result, count(*) FROM (SELECT r.to_version, r.result, row_number() OVER "
      "(PARTITION BY r.to_version, r.machine ORDER BY r.number DESC, r.id DESC) AS place FROM reports r "
      "JOIN machines m ON m.machine = r.machine AND m.public_key = r.signer AND m.revoked IS NULL "
      "WHERE r.trusted = 1 AND r.product = ?";
  std::vector<SqlValue> values{product};
  if (!version.empty()) {
    sql += " AND r.to_version = ?";
    values.emplace_back(version);
  }
  sql += ") WHERE place = 1 GROUP BY to_version, result ORDER BY to_version, result LIMIT 10000";
  UPSWARM_TRY(const auto rows, database_.run(sql, values));
  std::vector<OutcomeCount> counts;
  for (const auto& row : rows) counts.push_back({row.text(0), row.text(1), row.integer(2)});
  return counts;
}

Result<std::vector<StoredReport>> Reports::newest(const std::string& product, std::int64_t limit) {
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT machine, number, product, from_version, to_version, running, kind, result, reason, "
                            "at, milliseconds, bytes, trusted, received FROM reports WHERE ?1 = '' OR product = ?1 "
                            "ORDER BY id DESC LIMIT ?2",
                            {product, limit}));
  std::vector<StoredReport> reports;
  for (const auto& row : rows) {
    UPSWARM_TRY(auto report, read_row(row));
    reports.push_back(std::move(report));
  }
  return reports;
}

Result<std::int64_t> Reports::count() {
  UPSWARM_TRY(const auto rows, database_.run("SELECT count(*) FROM reports"));
  return rows.at(0).integer(0);
}

}  // namespace upswarm::seeder
