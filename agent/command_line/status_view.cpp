#include "agent/command_line/status_view.hpp"

#include "agent/command_line/table.hpp"

namespace upswarm::command_line {
namespace {

using std::chrono::milliseconds;

std::string ago(const std::optional<Time>& time, Time now) {
  if (!time) return "not yet";
  return *time > now ? "just now" : to_string(milliseconds(now - *time)) + " ago";
}

std::string ahead(const std::optional<Time>& time, Time now) {
  if (!time || *time <= now) return "now";
  return "in " + to_string(milliseconds(*time - now));
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string state_line(const messages::AgentStatus& status) {
  if (status.last_result.empty() || status.state == "failing") return status.state;
  static constexpr std::pair<std::string_view, std::string_view> kResults[] = {
      {"nothing", "nothing new"},         {"held", "a release is held"},  {"put_off", "a release was put off"},
      {"updated", "installed an update"}, {"rolled_back", "rolled back"}, {"failed", "the last try failed"}};
  for (const auto& [word, sentence] : kResults) {
    if (word == status.last_result) return status.state + " (last: " + std::string(sentence) + ")";
  }
  return status.state;
}

std::string polls_line(const messages::AgentStatus& status, Time now) {
  auto line = "last answer " + ago(status.last_poll, now);
  if (status.next_poll) line += ", next poll " + ahead(status.next_poll, now);
  return line;
}

std::string freshness_line(const messages::AgentStatus& status, Time now) {
  if (!status.metadata_expires) return "none yet";
  if (*status.metadata_expires <= now)
    return "expired since " + to_string(*status.metadata_expires) + " (" + status.expires_role + "): on hold";
  return "good until " + to_string(*status.metadata_expires) + " (" + status.expires_role + ")";
}

std::string seeding_line(const messages::AgentStatus& status) {
  return std::to_string(status.seeding) + (status.seeding == 1 ? " package, " : " packages, ") +
         to_string(status.uploaded) + " uploaded since the start";
}

void add_product(Table& table, const messages::ProductStatus& product) {
  table.add({product.product, or_dash(product.installed), or_dash(product.wanted), or_dash(product.phase),
             format_progress(product)});
}

std::string notes_of(const messages::ProductStatus& product) {
  std::string notes;
  const auto note = [&](const std::string& text) { notes += "  " + product.product + ": " + plain(text) + "\n"; };
  if (!product.detail.empty()) note(product.detail);
  if (!product.damage.empty()) note("damaged: " + product.damage);
  if (product.is_best_effort)
    note("another installer put it here: a way back is best effort, nothing is verified or repaired");
  if (const auto sources = format_sources(product.bytes); !sources.empty()) note("from " + sources);
  if (product.deferred_until) note("put off until " + to_string(*product.deferred_until));
  for (const auto& one : product.quarantine) {
    note("put aside: package " + one.package.hex().substr(0, 12) + " for " + one.version + ": " +
         messages::shortened(one.reason, 200) + " (`upswarm clear-bad " + product.product + "`)");
  }
  if (!product.skipped.empty()) note("version " + product.skipped + " is skipped");
  return notes;
}

std::string seconds_of(std::int64_t ms) { return to_string(milliseconds(ms)); }

std::string format_product(const messages::WhyStatus& why) {
  auto text = plain(why.product + "  " + or_dash(why.phase) + (why.detail.empty() ? "" : ": " + why.detail)) + "\n";
  if (!why.plan) return text + "  no update was planned yet\n";
  const auto& plan = *why.plan;
  text += "  last plan: " +
          plain(or_dash(plan.from) + " -> " + plan.to + ", " + to_string(plan.at) + ", " + plan.link + " link") + "\n";
  Table table({"", "WAY", "DISK", "SITE", "ORIGIN", "COST", "WHY"}, {2, 3, 4, 5});
  for (const auto& way : plan.ways) {
    const auto size = [&](Bytes bytes) { return way.is_usable ? to_string(bytes) : std::string("-"); };
    table.add({way.is_chosen ? "*" : "", way.what, size(way.disk), size(way.site), size(way.origin),
               way.is_usable ? std::to_string(way.cost) : "-", messages::shortened(way.verdict, 300)});
  }
  return text + table.text();
}

}  // namespace

std::string format_sources(const messages::SourceBytes& bytes) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (bytes.site.count != 0) add("site " + to_string(bytes.site));
  if (bytes.other.count != 0) add("other sites " + to_string(bytes.other));
  if (const auto origin = bytes.origin_bt + bytes.origin_http; origin.count != 0) {
    add("origin " + to_string(origin) +
        (bytes.origin_http.count != 0 ? " (HTTP " + to_string(bytes.origin_http) + ")" : ""));
  }
  if (bytes.disk.count != 0) add("disk " + to_string(bytes.disk));
  if (bytes.delta.count != 0) add("made from the old release " + to_string(bytes.delta));
  if (bytes.wasted.count != 0) add("wasted " + to_string(bytes.wasted));
  return text;
}

std::string format_progress(const messages::ProductStatus& product) {
  if (product.total.count == 0) return "";
  const auto permille = static_cast<double>(product.done.count) / static_cast<double>(product.total.count) * 100;
  auto text = to_string(product.done) + " of " + to_string(product.total) + "  " +
              std::to_string(static_cast<int>(permille)) + " %";
  if (product.phase != "downloading") return text;
  text += "  " + to_string(Bytes{product.bytes_per_second}) + "/s";
  text += "  " + std::to_string(product.peers) + (product.peers == 1 ? " peer" : " peers");
  if (product.time_left) text += "  " + to_string(*product.time_left) + " left";
  return text;
}

std::string format_status(const messages::AgentStatus& status, Time now) {
  std::string text;
  const auto line = [&](const std::string& name, const std::string& value) {
    text += name + std::string(10 - name.size(), ' ') + plain(value) + "\n";
  };
  line("machine", or_dash(status.machine_id) + "  (agent " + status.program_version + ")");
  line("seeder", status.seeder_url);
  line("state", state_line(status));
  line("polls", polls_line(status, now));
  line("metadata", freshness_line(status, now));
  line("seeding", seeding_line(status));
  line("enrolled", status.enrolled ? "yes" : "no: " + status.enrolment);
  if (status.reports_waiting != 0)
    line("reports", std::to_string(status.reports_waiting) + " not yet taken by the seeder");
  if (status.last_error) {
    line("error", status.last_error->what);
    line("", status.last_error->advice);
  }
  if (status.products.empty()) return text + "\nNo products known yet.\n";
  Table table({"PRODUCT", "INSTALLED", "WANTED", "PHASE", ""});
  std::string notes;
  for (const auto& product : status.products) {
    add_product(table, product);
    notes += notes_of(product);
  }
  return text + "\n" + table.text() + notes;
}

std::string format_history(const std::vector<messages::HistoryItem>& items) {
  if (items.empty()) return "No updates yet.\n";
  Table table({"WHEN", "PRODUCT", "FROM", "TO", "HOW", "RESULT", "TOOK", "FILES", "DISK", "SITE", "ORIGIN", "REPORTED",
               "REASON"},
              {6, 7, 8, 9, 10});
  for (const auto& [outcome, bytes, reported] : items) {
    const bool counted = bytes.verified().count != 0;
    const auto size = [&](Bytes count) { return counted ? to_string(count) : std::string("-"); };
    table.add({to_string(outcome.at), outcome.product, or_dash(outcome.from), outcome.to, outcome.kind, outcome.result,
               seconds_of(outcome.milliseconds), outcome.files ? std::to_string(*outcome.files) : "-", size(bytes.disk),
               size(bytes.site + bytes.other), size(bytes.origin_bt + bytes.origin_http), reported ? "yes" : "no",
               messages::shortened(outcome.reason, 200)});
  }
  return table.text();
}

std::string format_steps(const std::vector<messages::SessionRecord>& sessions) {
  if (sessions.empty()) return "No updates yet.\n";
  Table table({"SINCE", "PRODUCT", "VERSION", "STATE", "FOR", ""}, {4});
  for (const auto& session : sessions) {
    for (std::size_t i = 0; i < session.steps.size(); ++i) {
      const auto& step = session.steps[i];
      const bool is_last = i + 1 == session.steps.size();
      const auto took = is_last
                            ? std::chrono::milliseconds{}
                            : std::chrono::duration_cast<std::chrono::milliseconds>(session.steps[i + 1].at - step.at);
      table.add({to_string(step.at), session.product, session.version, step.state,
                 is_last ? "" : seconds_of(took.count()), messages::shortened(step.detail, 200)});
    }
  }
  return table.text();
}

std::string format_why(const messages::WhyAnswer& why) {
  std::string text;
  for (const auto& one : why.products) text += format_product(one);
  if (why.products.empty()) text = "No products known yet.\n";
  Table sources({"", "SOURCE", "NOW"});
  for (const auto& source : why.sources)
    sources.add({source.is_used ? "*" : "", source.name, messages::shortened(source.says, 300)});
  if (!sources.is_empty()) text += "\n" + sources.text();
  text += std::string("\nThis machine ") + (why.may_upload ? "gives" : "does not give") + " to others, and " +
          (why.may_lead ? "may fetch" : "does not fetch") + " from the seeder for its site.\n";
  Table table({"", "SETTING", "VALUE", "SET BY", "NOW"});
  for (const auto& gate : why.gates) {
    table.add({gate.is_open ? "" : "!", gate.name, gate.value, gate.set_by, messages::shortened(gate.says, 300)});
  }
  return table.is_empty() ? text : text + table.text();
}

}  // namespace upswarm::command_line
