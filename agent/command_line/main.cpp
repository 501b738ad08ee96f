// upswarm: the command line of a machine.
#include <CLI/CLI.hpp>
#include <condition_variable>
#include <iostream>
#include <mutex>

#include "agent/command_line/commands.hpp"
#include "protocol/base/terminal.hpp"
#include "protocol/messages/conversation.hpp"

namespace upswarm::command_line {
namespace {

constexpr std::chrono::milliseconds kAnswerLimit{std::chrono::seconds(30)};
constexpr std::chrono::milliseconds kReadLimit{std::chrono::hours(24)};  // every byte that is installed

void pause(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
}

/// Asks whoever listens at `socket`; `who` names it in errors. Both must outlive the function that is returned.
Ask ask_at(const std::string& socket, const char* who, const std::stop_token& stop,
           std::chrono::milliseconds limit = kAnswerLimit) {
  return [&socket, who, stop, limit](const Json& question) -> Result<Json> {
    auto connection = connect_local(socket);
    if (!connection) return std::move(connection).error().within("reach " + std::string(who) + " (does it run?)");
    return messages::ask(**connection, question, limit, stop);
  };
}

struct Words {
  bool json = false;
  std::string socket = "/run/upswarm-agent/agent.sock";
  std::string installer_socket = "/run/upswarm-installer/installer.sock";
  bool watch = false;
  bool wait = false;
  std::string product;
  std::string duration;
  std::string version;
  std::string token;
  std::int64_t limit = 20;
  bool steps = false;
};

using Command = std::function<Result<ExitCode>(Desk&)>;

/// Adds all commands; the one that is called lands in `chosen`.
void add_commands(CLI::App& app, Words& words, Command& chosen) {
  const auto add = [&](const char* name, const char* help, Command command) {
    auto* const sub = app.add_subcommand(name, help);
    sub->callback([&chosen, command = std::move(command)] { chosen = command; });
    return sub;
  };
  const auto add_product = [&](CLI::App* sub) {
    sub->add_option("PRODUCT", words.product, "Name of the product")->required();
  };

  auto* const status = add("status", "What the agent does, and what is installed",
                           [&](Desk& desk) { return show_status(desk, words.watch); });
  status->add_flag("--watch", words.watch, "Show it live; ctrl-C ends it");
  add("check", "Ask the seeder for something new now", [](Desk& desk) { return check(desk); });
  auto* const now = add("update", "Install now what is waiting, also what was put off or skipped",
                        [&](Desk& desk) { return update(desk, words.product, words.wait); });
  now->add_option("PRODUCT", words.product, "Only this one, also a major version that waits to be confirmed");
  now->add_flag("--wait", words.wait, "Wait for the end; 4 when nothing was installed");
  auto* const reasons = add("why", "Which way a product came to its release or is about to, and why not otherwise",
                            [&](Desk& desk) { return why(desk, words.product); });
  reasons->add_option("PRODUCT", words.product, "Only this one");
  auto* const later = add("defer", "Put updates of a product off, as long as its publisher allows",
                          [&](Desk& desk) { return defer(desk, words.product, words.duration); });
  add_product(later);
  later->add_option("DURATION", words.duration, "\"90m\", \"8h\", \"2d\"")->required();
  auto* const never = add("skip", "Leave out one version of a product",
                          [&](Desk& desk) { return skip(desk, words.product, words.version); });
  add_product(never);
  never->add_option("VERSION", words.version, "The version to leave out")->required();
  auto* const past = add("history", "What was installed and rolled back", [&](Desk& desk) {
    return words.steps ? show_steps(desk, words.limit) : show_history(desk, words.limit);
  });
  past->add_option("--limit", words.limit, "How many, newest first")->capture_default_str()->check(CLI::Range(1, 1000));
  past->add_flag("--steps", words.steps, "Each update state by state, with the time of each; the newest 200 at most");
  auto* const back = add("rollback", "Go back to a release that is still on this machine (administrators)",
                         [&](Desk& desk) { return roll_back(desk, words.product, words.version); });
  add_product(back);
  back->add_option("VERSION", words.version, "The release to go back to; without it the one before");
  auto* const look =
      add("verify",
          "Compare every byte of what is installed with what was signed; exit code 5 when something is damaged "
          "(administrators)",
          [&](Desk& desk) { return verify(desk, words.product); });
  look->add_option("PRODUCT", words.product, "Only this one");
  auto* const mend =
      add("repair", "Mend what is damaged, with as few bytes as can be, and wait for it (administrators)",
          [&](Desk& desk) { return repair(desk, words.product); });
  mend->add_option("PRODUCT", words.product, "Only this one");
  auto* const clear =
      add("clear-bad", "Allow releases and packages that failed here to be tried again (administrators)",
          [&](Desk& desk) { return clear_bad(desk, words.product); });
  add_product(clear);
  auto* const well = add("confirm", "Say that a product that was just updated is well (for the product itself)",
                         [&](Desk& desk) { return confirm(desk, words.product, words.token); });
  add_product(well);
  well->add_option("--token", words.token, "The one-time token of this start")->envname("UPSWARM_TOKEN");
}

int run(int argc, char** argv) {
  CLI::App app{
      std::string("Upswarm on this machine: what is installed, what is on its way, and what you may do about it.\n\n") +
      kExitCodesHelp + " Of verify also: 5 damaged."};
  Words words;
  Command command;
  app.add_flag("--json", words.json, "Answers and errors as JSON on standard output");
  app.add_option("--socket", words.socket, "Socket of upswarm-agent")->capture_default_str();
  app.add_option("--installer-socket", words.installer_socket, "Socket of upswarm-installer")->capture_default_str();
  app.set_version_flag("--version", std::string("upswarm ") + UPSWARM_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  add_commands(app, words, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  const auto stop = stop_on_signals();
  Desk desk{.agent = ask_at(words.socket, "the agent", stop),
            .installer = ask_at(words.installer_socket, "the installer", stop),
            .reader = ask_at(words.installer_socket, "the installer", stop, kReadLimit),
            .out = std::cout,
            .clock = system_clock(),
            .json = words.json,
            .is_terminal = is_terminal_output(),
            .pause = pause,
            .stop = stop};
  const auto result = command(desk);
  return result ? static_cast<int>(*result) : report_error(result.error(), words.json);
}

}  // namespace
}  // namespace upswarm::command_line

int main(int argc, char** argv) { return upswarm::command_line::run(argc, argv); }
