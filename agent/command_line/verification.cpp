// `upswarm verify` and `upswarm repair`.
#include "protocol/messages/verification.hpp"

#include <algorithm>
#include <future>
#include <ostream>

#include "agent/command_line/commands.hpp"
#include "agent/command_line/status_view.hpp"
#include "agent/command_line/table.hpp"
#include "protocol/messages/installer_messages.hpp"

namespace upswarm::command_line {
namespace {

using messages::Verification;

constexpr std::chrono::milliseconds kLookAgain{500};
constexpr int kLooksForBytes = 20;    // the agent notes an outcome when it asks for it next
constexpr int kMostQuietLooks = 240;  // two minutes; the installer may have other work first
constexpr std::int64_t kMostHistory = 100;

/// In place of the line before; elsewhere nothing.
void show_line(Desk& desk, const std::string& text) {
  if (desk.is_terminal && !desk.json) desk.out << "\r" << plain(text) << "\x1b[K" << std::flush;
}

std::string how_far(const messages::ProductProgress& now) {
  auto text = now.product + "  " + now.phase + "  " + to_string(now.done);
  return now.total.count == 0 ? text
                              : text + " of " + to_string(now.total) + "  " +
                                    std::to_string(now.done.count / (now.total.count / 100 + 1)) + " %";
}

/// Whether the installer is at work on the product, or cannot be asked.
bool show_progress(Desk& desk, const std::string& product) {
  const auto answer = desk.installer({{"ask", "progress"}});
  const auto running =
      answer ? messages::parse_progress(*answer) : Result<std::vector<messages::ProductProgress>>(answer.error());
  if (!running) return true;
  const auto now = std::ranges::find(*running, product, &messages::ProductProgress::product);
  if (now == running->end()) return false;
  show_line(desk, how_far(*now));
  return true;
}

/// Asks what takes minutes, and shows meanwhile how far it is.
Result<Verification> look_through(Desk& desk, const char* word, const std::string& product) {
  const Json question{{"ask", word}, {"product", product}};
  if (!desk.is_terminal || desk.json) {
    UPSWARM_TRY(const auto answer, desk.reader(question));
    return messages::parse_verification(answer);
  }
  auto asked = std::async(std::launch::async, [&] { return desk.reader(question); });
  while (asked.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
    show_progress(desk, product);
    desk.pause(kLookAgain, desk.stop);
    if (desk.stop.stop_requested()) break;  // then the question ends, too
  }
  const auto answer = asked.get();
  show_line(desk, "");
  if (!answer) return answer.error();
  return messages::parse_verification(*answer);
}

Result<std::vector<std::string>> products_of(Desk& desk, const std::string& product) {
  if (!product.empty()) return std::vector{product};
  UPSWARM_TRY(const auto answer, desk.installer({{"ask", "hello"}}));
  UPSWARM_TRY(const auto hello, messages::parse_hello(answer));
  std::vector<std::string> names;
  for (const auto& one : hello.products) names.push_back(one.product);
  return names;
}

std::string counted(std::int64_t count, const char* what) {
  return count == 0 ? "" : ", " + std::to_string(count) + " " + what;
}

/// What was found, for people.
std::string words_of(const Verification& found) {
  if (found.version.empty()) return found.product + " is not installed.\n";
  const auto name = found.product + " " + found.version;
  if (found.is_whole()) return name + " is whole: " + to_string(found.read) + " were read.\n";
  const auto& counts = found.counts;
  auto text = name + " is damaged" + counted(counts.at(0), "altered") + counted(counts.at(1), "missing") +
              counted(counts.at(2), "too much") + counted(counts.at(3), "with another mode") + ".\n";
  if (!found.link.empty()) text += "  current: " + found.link + "\n";
  if (found.is_list_lost) text += "  the installer's list of its files is gone\n";
  std::int64_t left = 0;
  for (const auto count : counts) left += count;
  for (const auto& one : found.damage) {
    text += "  " + plain(one.path) + ": " + plain(one.how) + "\n";
    --left;
  }
  if (left > 0) text += "  and " + std::to_string(left) + " more\n";
  return text + (found.needs_package
                     ? "  To be fetched: at most " + to_string(found.to_fetch) + " of content, packed.\n"
                     : "  Nothing has to be fetched.\n");
}

Result<std::optional<messages::Outcome>> outcome_after(Desk& desk, const Verification& found) {
  UPSWARM_TRY(const auto answer, desk.installer({{"ask", "outcomes"}, {"all", true}}));
  UPSWARM_TRY(const auto outcomes, messages::parse_outcomes(answer));
  std::optional<messages::Outcome> newest;
  for (const auto& one : outcomes) {
    if (one.product == found.product && one.kind == "repair" && one.number > found.last_outcome) newest = one;
  }
  return newest;
}

/// How the agent's round `cycle` stands: an error when it ended, for then no repair comes of it.
Result<void> look_at_agent(Desk& desk, const Verification& found, std::int64_t cycle) {
  UPSWARM_TRY(const auto answer, desk.agent({{"ask", "status"}}));
  UPSWARM_TRY(const auto status, messages::parse_agent_status(answer));
  for (const auto& one : status.products)
    if (one.product == found.product) show_line(desk, one.product + "  " + one.phase + "  " + format_progress(one));
  if (status.cycles_ended < cycle) return {};
  return Error{ErrorKind::unreachable, "repair " + found.product,
               (status.last_error ? status.last_error->what : std::string("the agent did not bring what is missing")) +
                   "; it tries again by itself"};
}

/// Waits for the outcome of the repair that was asked for.
Result<messages::Outcome> await_repair(Desk& desk, const Verification& found) {
  std::int64_t cycle = 0;
  if (found.needs_package) {
    auto nudged = desk.agent({{"ask", "check"}});
    if (!nudged) return std::move(nudged).error().within("repair " + found.product + " (noted; the agent brings it)");
    cycle = nudged->value("cycle", std::int64_t{0});
  }
  int quiet = 0;
  while (!desk.stop.stop_requested()) {
    Result<void> work;
    if (found.needs_package) work = look_at_agent(desk, found, cycle);
    else quiet = show_progress(desk, found.product) ? 0 : quiet + 1;
    if (quiet > kMostQuietLooks)
      work = Error{ErrorKind::busy, "repair " + found.product, "the installer did not get to it; it tries by itself"};
    UPSWARM_TRY(auto outcome, outcome_after(desk, found));
    if (outcome) return *std::move(outcome);
    UPSWARM_CHECK(work);
    desk.pause(kLookAgain, desk.stop);
  }
  return Error{ErrorKind::cancelled, "wait for the repair", "stopped; the repair goes on"};
}

/// Where the bytes of a repair came from; nothing: the agent has no word of it.
std::optional<messages::SourceBytes> bytes_of(Desk& desk, const messages::Outcome& outcome) {
  for (int i = 0; i < kLooksForBytes && !desk.stop.stop_requested(); ++i) {
    const auto answer = desk.agent({{"ask", "history"}, {"limit", kMostHistory}});
    const auto items =
        answer ? messages::parse_history(*answer) : Result<std::vector<messages::HistoryItem>>(answer.error());
    if (!items) return std::nullopt;
    const auto item = std::ranges::find_if(*items, [&](const auto& one) {
      return one.outcome.number == outcome.number && one.outcome.product == outcome.product;
    });
    if (item != items->end()) return item->bytes;
    desk.pause(kLookAgain, desk.stop);
  }
  return std::nullopt;
}

Result<ExitCode> repair_one(Desk& desk, const std::string& product) {
  UPSWARM_TRY(const auto found, look_through(desk, "repair", product));
  const auto tell = [&](const char* result, const std::string& words, const Json& more) {
    Json answer = messages::to_json(found);
    answer["result"] = result;
    answer.update(more);
    desk.out << (desk.json ? to_text(answer) + "\n" : words) << std::flush;
  };
  if (found.version.empty() || found.is_whole()) {
    tell(found.version.empty() ? "not_installed" : "whole", words_of(found), Json::object());
    return found.version.empty() ? ExitCode::nothing_to_do : ExitCode::done;
  }
  if (!desk.json) desk.out << words_of(found) << std::flush;
  UPSWARM_TRY(const auto outcome, await_repair(desk, found));
  show_line(desk, "");
  Json more{{"outcome", messages::to_json(outcome)}};
  const bool is_done = outcome.result == "completed";
  auto words = plain((is_done ? "Repaired: " : "Not repaired: ") + outcome.reason) + "\n";
  if (const auto bytes = found.needs_package ? bytes_of(desk, outcome) : std::nullopt) {
    more["bytes"] = messages::to_json(*bytes);
    if (const auto sources = format_sources(*bytes); !sources.empty()) words += "  Bytes: " + sources + "\n";
  }
  tell(is_done ? "repaired" : "failed", words, more);
  return is_done ? ExitCode::done : ExitCode::failed;
}

Result<ExitCode> verify_one(Desk& desk, const std::string& product) {
  UPSWARM_TRY(const auto found, look_through(desk, "verify", product));
  desk.out << (desk.json ? to_text(messages::to_json(found)) + "\n" : words_of(found)) << std::flush;
  if (found.version.empty()) return ExitCode::nothing_to_do;
  return found.is_whole() ? ExitCode::done : ExitCode::damaged;
}

/// Each has its turn, also after an error; the first of these is returned, and others are said at once. Else what is
/// damaged or failed counts most, then what was done.
Result<ExitCode> of_all(Desk& desk, const std::string& product, Result<ExitCode> (*act)(Desk&, const std::string&)) {
  UPSWARM_TRY(const auto products, products_of(desk, product));
  auto all = ExitCode::nothing_to_do;
  std::optional<Error> first;
  for (const auto& one : products) {
    const auto code = act(desk, one);
    if (code) {
      if (*code == ExitCode::failed || *code == ExitCode::damaged || all == ExitCode::nothing_to_do) all = *code;
      continue;
    }
    if (desk.stop.stop_requested()) return code;
    if (!first) first = code.error();
    else if (desk.json) desk.out << to_text(Json{{"error", to_json(code.error())}}) << "\n" << std::flush;
    else desk.out << plain(code.error().message()) << "\n" << std::flush;
  }
  if (first) return *first;
  return all;
}

}  // namespace

Result<ExitCode> verify(Desk& desk, const std::string& product) { return of_all(desk, product, verify_one); }

Result<ExitCode> repair(Desk& desk, const std::string& product) { return of_all(desk, product, repair_one); }

}  // namespace upswarm::command_line
