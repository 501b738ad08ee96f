#include "agent/outcome_book.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr std::int64_t kMostAtOnce = 200;

bool is_malformed(int status) { return status == 400 || status == 413 || status == 422; }

}  // namespace

OutcomeBook::OutcomeBook(StateStore& store, InstallerLink& installer, HttpClient& http, std::string seeder_url)
    : store_(store), installer_(installer), http_(http), seeder_url_(std::move(seeder_url)) {}

Result<std::vector<messages::Outcome>> OutcomeBook::collect(std::stop_token stop) {
  // At work the installer leaves the outcomes of that product out; acknowledging higher numbers would lose them.
  UPSWARM_TRY(const auto work, installer_.progress(stop));
  UPSWARM_TRY(const auto outcomes, installer_.outcomes(stop));
  if (outcomes.empty()) return std::vector<messages::Outcome>();
  UPSWARM_TRY(auto added, store_.add_outcomes(outcomes));
  for (const auto& one : added) {
    log::info("outcome", {{"product", one.product},
                          {"to", one.to},
                          {"kind", one.kind},
                          {"result", one.result},
                          {"running", one.running},
                          {"reason", one.reason}});
  }
  if (!work.empty()) return added;
  const auto last = std::ranges::max(outcomes, {}, &messages::Outcome::number).number;
  const auto forgotten = installer_.forget_outcomes(last, stop);
  if (!forgotten && forgotten.error().kind != ErrorKind::busy) return forgotten.error();
  return added;
}

Result<void> OutcomeBook::send_reports(const std::string& machine_id, std::stop_token stop) {
  UPSWARM_TRY(const auto waiting, store_.waiting_reports(kMostAtOnce));
  for (const auto& [id, item] : waiting) {
    const messages::Report report{machine_id, item.outcome, item.bytes};
    HttpRequest request{.url = seeder_url_ + "/v1/reports", .method = "POST"};
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = to_text(messages::to_json(report));
    UPSWARM_TRY(const auto response, http_.send(request, stop));
    const bool taken = response.status / 100 == 2;
    if (!taken && !is_malformed(response.status)) {
      return Error{ErrorKind::unreachable, "send a report to " + request.url,
                   "the seeder answered HTTP " + std::to_string(response.status)};
    }
    if (!taken) log::error("the seeder refused a report", {{"status", response.status}, {"report", request.body}});
    UPSWARM_CHECK(store_.mark_report(id, taken ? ReportFate::sent : ReportFate::refused));
  }
  return {};
}

}  // namespace upswarm::agent
