#include "seeder/machine_commands.hpp"

#include "seeder/commands.hpp"
#include "seeder/machines.hpp"
#include "seeder/reports.hpp"

namespace upswarm::seeder {
namespace {

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

std::string revoked_text(const std::optional<std::string>& revoked) { return revoked ? "  revoked " + *revoked : ""; }

/// A stranger's words must not steer the terminal.
std::string plain(std::string text) {
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

Result<int> command_make_token(const SeederConfig& config, const std::string& name, std::int64_t uses,
                               std::chrono::milliseconds valid, bool json) {
  if (valid < std::chrono::seconds(1))
    return Error{ErrorKind::invalid, "make the enrolment token " + name, "--valid must be at least 1s"};
  UPSWARM_TRY(auto records, open_records(config));
  const auto now = system_clock().now();
  const auto expires = now + std::chrono::duration_cast<std::chrono::seconds>(valid);
  UPSWARM_TRY(const auto token, EnrolmentTokens(records).make(name, uses, expires, now));
  return print_answer({{"name", name}, {"uses", uses}, {"expires", to_string(expires)}, {"token", token}}, token + "\n",
                      json);
}

Result<int> command_list_tokens(const SeederConfig& config, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(const auto tokens, EnrolmentTokens(records).list());
  Json list = Json::array();
  std::string text;
  for (const auto& token : tokens) {
    list.push_back({{"name", token.name},
                    {"uses", token.uses},
                    {"used", token.used},
                    {"created", token.created},
                    {"expires", to_string(token.expires)},
                    {"revoked", or_null(token.revoked)}});
    text += token.name + "  " + std::to_string(token.used) + " of " + std::to_string(token.uses) + " used  until " +
            to_string(token.expires) + revoked_text(token.revoked) + "\n";
  }
  return print_answer({{"tokens", std::move(list)}}, text.empty() ? "there are no enrolment tokens\n" : text, json);
}

Result<int> command_revoke_token(const SeederConfig& config, const std::string& name, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_CHECK(EnrolmentTokens(records).revoke(name, system_clock().now()));
  return print_answer({{"revoked", name}}, name + " is revoked; the machines that it enrolled stay\n", json);
}

Result<int> command_list_machines(const SeederConfig& config, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(const auto machines, Machines(records).list());
  Json list = Json::array();
  std::string text;
  for (const auto& one : machines) {
    list.push_back({{"machine", one.machine},
                    {"public_key", one.public_key},
                    {"token", one.token},
                    {"enrolled", one.enrolled},
                    {"revoked", or_null(one.revoked)}});
    text += one.machine + "  key " + one.public_key.substr(0, 16) + "...  by " + one.token + "  since " + one.enrolled +
            revoked_text(one.revoked) + "\n";
  }
  return print_answer({{"machines", std::move(list)}}, text.empty() ? "no machine has enrolled\n" : text, json);
}

Result<int> command_revoke_machines(const SeederConfig& config, const std::string& machine,
                                    const std::string& enrolled_by, bool json) {
  if (machine.empty() == enrolled_by.empty())
    return Error{ErrorKind::invalid, "revoke machines", "say one MACHINE, or --enrolled-by TOKEN"};
  UPSWARM_TRY(auto records, open_records(config));
  Machines machines(records);
  const auto now = system_clock().now();
  std::int64_t count = 1;
  if (!machine.empty()) UPSWARM_CHECK(machines.revoke(machine, now));
  if (!enrolled_by.empty()) {
    UPSWARM_TRY(count, machines.revoke_enrolled_by(enrolled_by, now));
  }
  return print_answer(
      {{"revoked", count}},
      std::to_string(count) + (count == 1 ? " machine" : " machines") + " revoked: nothing that they signed counts\n",
      json, count == 0 ? ExitCode::nothing_to_do : ExitCode::done);
}

Result<int> command_forget_machine(const SeederConfig& config, const std::string& machine, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_CHECK(Machines(records).forget(machine));
  return print_answer({{"forgotten", machine}}, machine + " is forgotten: it may enrol again, with any key\n", json);
}

Result<int> command_reports(const SeederConfig& config, const std::string& product, std::int64_t limit, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(const auto reports, Reports(records).newest(product, limit));
  Json list = Json::array();
  std::string text;
  for (const auto& [report, trusted, received] : reports) {
    auto one = messages::to_json(report);
    one["trusted"] = trusted;
    one["received"] = received;
    list.push_back(std::move(one));
    const auto& outcome = report.outcome;
    text += to_string(outcome.at) + "  " + plain(report.machine) + (trusted ? "" : " (unverified)") + "  " +
            plain(outcome.product) + " " + plain(outcome.from.empty() ? "-" : outcome.from) + " -> " +
            plain(outcome.to) + "  " + plain(outcome.kind) + ": " + plain(outcome.result) +
            (outcome.reason.empty() ? "" : "  " + plain(messages::shortened(outcome.reason, 200))) + "\n";
  }
  return print_answer({{"reports", std::move(list)}}, text.empty() ? "there are no reports\n" : text, json);
}

Result<int> command_outcomes(const SeederConfig& config, const std::string& product, const std::string& version,
                             bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(const auto counts, Reports(records).count_outcomes(product, version));
  Json list = Json::array();
  std::string text;
  for (const auto& [to, result, machines] : counts) {
    list.push_back({{"version", to}, {"result", result}, {"machines", machines}});
    text += plain(to) + "  " + plain(result) + "  " + std::to_string(machines) +
            (machines == 1 ? " machine\n" : " machines\n");
  }
  return print_answer({{"product", product}, {"outcomes", std::move(list)}},
                      text.empty() ? "no machine that has enrolled told anything\n" : text, json);
}

}  // namespace upswarm::seeder
