#include "agent/outcome_book.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"

namespace upswarm::agent {
namespace {

constexpr std::int64_t kMostAtOnce = 200;

bool is_malformed(int status) { return status == 400 || status == 413 || status == 422; }

/// Whether the seeder says that a signature is not that of the machine's key.
bool is_bad_signature(const HttpResponse& response) {
  if (response.status != 403) return false;
  const auto json = parse_json(response.body, "answer");
  return json && json->is_object() && json->contains("error") && read_error(json->at("error")).reason == "signature";
}

}  // namespace

OutcomeBook::OutcomeBook(StateStore& store, InstallerLink& installer, HttpClient& http, MachineIdentity& identity,
                         std::string seeder_url)
    : store_(store), installer_(installer), http_(http), identity_(identity), seeder_url_(std::move(seeder_url)) {}

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
  if (identity_.may_enrol_soon()) return {};
  UPSWARM_TRY(const auto waiting, store_.waiting_reports(kMostAtOnce));
  for (const auto& [id, item] : waiting) {
    const messages::Report report{machine_id, item.outcome, item.bytes};
    UPSWARM_TRY(auto sent, send(report, stop));
    if (sent == Sent::again) {
      if (identity_.may_enrol_soon()) return {};
      UPSWARM_TRY(sent, send(report, stop));
      // Enrolled, and still not known: whatever is wrong there, the report was taken.
      if (sent == Sent::again) sent = Sent::taken;
    }
    UPSWARM_CHECK(store_.mark_report(id, sent == Sent::taken ? ReportFate::sent : ReportFate::refused));
  }
  return {};
}

Result<OutcomeBook::Sent> OutcomeBook::send(const messages::Report& report, std::stop_token stop) {
  HttpRequest request{.url = seeder_url_ + messages::kReportsPath, .method = "POST"};
  request.body = to_text(messages::to_json(report));
  request.headers = identity_.sign(request.method, messages::kReportsPath, request.body);
  const bool is_signed = !request.headers.empty();
  request.headers.emplace_back("Content-Type", "application/json");
  UPSWARM_TRY(const auto response, http_.send(request, stop));
  if (response.status / 100 == 2) return learn(response, report.machine, is_signed, stop);
  if (is_signed && is_bad_signature(response)) {
    identity_.lose("the seeder has another key for this machine");
    return Sent::again;
  }
  if (is_malformed(response.status)) {
    log::error("the seeder refused a report", {{"status", response.status}, {"report", request.body}});
    return Sent::malformed;
  }
  return Error{ErrorKind::unreachable, "send a report to " + request.url,
               "the seeder answered HTTP " + std::to_string(response.status)};
}

OutcomeBook::Sent OutcomeBook::learn(const HttpResponse& response, const std::string& machine_id, bool was_signed,
                                     std::stop_token stop) {
  if (!was_signed) return Sent::taken;
  const auto json = parse_json(response.body, "the answer to a report");
  const auto answer = json ? messages::parse_report_answer(*json) : Result<messages::ReportAnswer>(json.error());
  if (!answer) return Sent::taken;
  if (answer->reason == "revoked_machine") identity_.lose("an administrator of the seeder revoked this machine");
  if (answer->reason != "unknown_machine") return Sent::taken;
  identity_.lose("the seeder does not know this machine");
  identity_.keep_up(machine_id, std::move(stop));
  const bool is_enrolled = !identity_.sign("", "", "").empty();
  return is_enrolled || identity_.may_enrol_soon() ? Sent::again : Sent::taken;
}

}  // namespace upswarm::agent
