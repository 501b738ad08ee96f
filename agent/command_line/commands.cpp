#include "agent/command_line/commands.hpp"

#include <ostream>

#include "agent/command_line/status_view.hpp"
#include "agent/command_line/table.hpp"

namespace upswarm::command_line {
namespace {

constexpr std::chrono::milliseconds kRedraw{500};

/// Shows `sentence`, or with --json the answer itself.
ExitCode tell(Desk& desk, const Json& answer, const std::string& sentence) {
  desk.out << (desk.json ? to_text(answer) : plain(sentence)) << std::endl;
  return ExitCode::done;
}

/// Replaces what the terminal shows; elsewhere the views follow each other.
void draw(Desk& desk, const std::string& text) {
  if (!desk.is_terminal || desk.json) {
    desk.out << text << std::flush;
    return;
  }
  std::string screen = "\x1b[H";
  for (const char c : text) screen += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
  desk.out << screen << "\x1b[J" << std::flush;
}

void clear_screen(Desk& desk) {
  if (desk.is_terminal && !desk.json) desk.out << "\x1b[2J";
}

Result<messages::AgentStatus> ask_status(Desk& desk) {
  UPSWARM_TRY(const auto answer, desk.agent({{"ask", "status"}}));
  return messages::parse_agent_status(answer);
}

std::string view_of(Desk& desk, const messages::AgentStatus& status) {
  return desk.json ? to_text(messages::to_json(status)) + "\n" : format_status(status, desk.clock.now());
}

ExitCode exit_code_of(const messages::AgentStatus& status) {
  if (status.last_result == "updated") return ExitCode::done;
  if (status.last_error && status.last_error->kind == to_string(ErrorKind::untrusted)) return ExitCode::untrusted;
  return status.last_result == "failed" || status.last_result == "rolled_back" ? ExitCode::failed
                                                                               : ExitCode::nothing_to_do;
}

}  // namespace

Result<ExitCode> show_status(Desk& desk, bool watch) {
  if (!watch) {
    UPSWARM_TRY(const auto status, ask_status(desk));
    desk.out << view_of(desk, status) << std::flush;
    return ExitCode::done;
  }
  clear_screen(desk);
  while (!desk.stop.stop_requested()) {
    const auto status = ask_status(desk);
    // A restart of the agent does not end the watch.
    if (status) draw(desk, view_of(desk, *status));
    else if (desk.json) draw(desk, to_text({{"error", to_json(status.error())}}) + "\n");
    else draw(desk, "error: " + plain(status.error().message()) + "\n");
    desk.pause(kRedraw, desk.stop);
  }
  return ExitCode::done;
}

Result<ExitCode> check(Desk& desk) {
  UPSWARM_TRY(const auto answer, desk.agent({{"ask", "check"}}));
  return tell(desk, answer, "The agent asks the seeder now. See `upswarm status`.");
}

Result<ExitCode> update(Desk& desk, const std::string& product, bool wait) {
  Json question{{"ask", "update"}};
  if (!product.empty()) question["product"] = product;
  UPSWARM_TRY(const auto answer, desk.agent(question));
  ObjectReader in(answer, "the agent's answer");
  const auto cycle = in.integer("cycle", 1, std::numeric_limits<std::int64_t>::max());
  UPSWARM_CHECK(in.finish_open());
  if (!wait) return tell(desk, answer, "The agent updates now. See `upswarm status --watch`.");
  const bool live = desk.is_terminal && !desk.json;
  if (live) clear_screen(desk);
  while (!desk.stop.stop_requested()) {
    UPSWARM_TRY(const auto status, ask_status(desk));
    const bool ended = status.cycles_ended >= cycle;
    if (live || ended) draw(desk, view_of(desk, status));
    if (ended) return exit_code_of(status);
    desk.pause(kRedraw, desk.stop);
  }
  return Error{ErrorKind::cancelled, "wait for the update", "stopped; the agent goes on"};
}

Result<ExitCode> why(Desk& desk, const std::string& product) {
  Json question{{"ask", "why"}};
  if (!product.empty()) question["product"] = product;
  UPSWARM_TRY(const auto answer, desk.agent(question));
  UPSWARM_TRY(const auto why, messages::parse_why(answer));
  desk.out << (desk.json ? to_text(answer) + "\n" : format_why(why)) << std::flush;
  return ExitCode::done;
}

Result<ExitCode> defer(Desk& desk, const std::string& product, const std::string& duration) {
  UPSWARM_CHECK(parse_duration(duration));
  UPSWARM_TRY(const auto answer, desk.agent({{"ask", "defer"}, {"product", product}, {"duration", duration}}));
  return tell(desk, answer, "Updates of " + product + " are put off until " + answer.value("until", "?") + ".");
}

Result<ExitCode> skip(Desk& desk, const std::string& product, const std::string& version) {
  UPSWARM_TRY(const auto answer, desk.agent({{"ask", "skip"}, {"product", product}, {"version", version}}));
  return tell(desk, answer, product + " " + version + " is skipped until there is a newer release.");
}

Result<ExitCode> show_history(Desk& desk, std::int64_t limit) {
  UPSWARM_TRY(const auto answer, desk.agent({{"ask", "history"}, {"limit", limit}}));
  UPSWARM_TRY(const auto items, messages::parse_history(answer));
  desk.out << (desk.json ? to_text(answer) + "\n" : format_history(items)) << std::flush;
  return ExitCode::done;
}

Result<ExitCode> show_steps(Desk& desk, std::int64_t limit) {
  UPSWARM_TRY(const auto answer,
              desk.agent({{"ask", "sessions"}, {"limit", std::min(limit, messages::kMostSessions)}}));
  UPSWARM_TRY(const auto sessions, messages::parse_sessions(answer));
  desk.out << (desk.json ? to_text(answer) + "\n" : format_steps(sessions)) << std::flush;
  return ExitCode::done;
}

Result<ExitCode> roll_back(Desk& desk, const std::string& product, const std::string& version) {
  Json question{{"ask", "rollback"}, {"product", product}};
  if (!version.empty()) question["version"] = version;
  UPSWARM_TRY(const auto answer, desk.installer(question));
  return tell(desk, answer,
              "The installer goes back to " + (version.empty() ? "the release before" : version) + " of " + product +
                  ". See `upswarm status`.");
}

Result<ExitCode> clear_bad(Desk& desk, const std::string& product) {
  UPSWARM_TRY(const auto answer, desk.installer({{"ask", "clear_bad"}, {"product", product}}));
  ObjectReader in(answer, "the installer's answer");
  auto count = in.integer("cleared", 0, std::numeric_limits<std::int64_t>::max() / 2);
  UPSWARM_CHECK(in.finish_open());
  // After the installer's word that this is an administrator. An agent that does not run forgets nothing today.
  if (const auto forgotten = desk.agent({{"ask", "forget_bad"}})) count += forgotten->value("cleared", std::int64_t{0});
  const auto sentence = std::to_string(count) + (count == 1 ? " release or package" : " releases and packages") +
                        " of " + product + " may be tried again.";
  ignore_failure(Result<ExitCode>(tell(desk, Json{{"cleared", count}}, sentence)), "it has none");
  return count == 0 ? ExitCode::nothing_to_do : ExitCode::done;
}

Result<ExitCode> confirm(Desk& desk, const std::string& product, const std::string& token) {
  if (token.empty()) {
    return Error{ErrorKind::invalid, "confirm " + product,
                 "a token is wanted: --token, or UPSWARM_TOKEN in the environment"};
  }
  UPSWARM_TRY(const auto answer, desk.installer({{"ask", "confirm"}, {"product", product}, {"token", token}}));
  return tell(desk, answer, product + " is confirmed.");
}

}  // namespace upswarm::command_line
