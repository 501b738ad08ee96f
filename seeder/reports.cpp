#include "seeder/reports.hpp"

#include "protocol/base/json.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::int64_t kMostReports = 1'000'000;
constexpr std::int64_t kPruneEvery = 1000;

}  // namespace

Result<messages::Report> read_report(std::string_view text) {
  UPSWARM_TRY(const auto json, parse_json(text, "report", {.longest = messages::kLongestReport, .deepest = 4}));
  UPSWARM_TRY(auto report, messages::parse_report(json));
  if (report.machine.empty()) return Error{ErrorKind::corrupt, "report: machine", "it is empty"};
  return report;
}

Result<bool> Reports::store(const messages::Report& report, Time received) {
  const auto& outcome = report.outcome;
  UPSWARM_TRY(
      const auto rows,
      database_.run("INSERT INTO reports (machine, number, product, from_version, to_version, running, kind, result, "
                    "reason, at, milliseconds, bytes, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (machine, number, product, at) DO NOTHING RETURNING id",
                    {report.machine, outcome.number, outcome.product, outcome.from, outcome.to, outcome.running,
                     outcome.kind, outcome.result, outcome.reason, to_string(outcome.at), outcome.milliseconds,
                     to_text(messages::to_json(report.bytes)), to_string(received)}));
  if (rows.empty()) return false;
  const auto id = rows.front().integer(0);
  if (id % kPruneEvery == 0) UPSWARM_CHECK(database_.run("DELETE FROM reports WHERE id <= ?", {id - kMostReports}));
  return true;
}

Result<std::int64_t> Reports::count() {
  UPSWARM_TRY(const auto rows, database_.run("SELECT count(*) FROM reports"));
  return rows.at(0).integer(0);
}

}  // namespace upswarm::seeder
