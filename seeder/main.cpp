// upswarm-seeder: the server in the datacenter, and the words to look after it.
#include <CLI/CLI.hpp>

#include "protocol/base/program.hpp"
#include "seeder/commands.hpp"
#include "seeder/machine_commands.hpp"
#include "seeder/machines.hpp"
#include "seeder/server.hpp"

namespace upswarm::seeder {
namespace {

constexpr const char* kSystemConfig = "/etc/upswarm/seeder.toml";

/// What the command line said.
struct Words {
  std::string config;
  std::string folder;
  bool json = false;
  std::string key_name;
  std::vector<std::string> scopes;
  RolloutChange change;
  bool pause = false;
  bool resume = false;
  std::string token_name;
  std::int64_t uses = 1;
  std::string valid = "7d";
  std::string machine;
  std::string enrolled_by;
  std::string product;
  std::string version;
  std::int64_t limit = 50;
  std::vector<std::string> rings;
  bool all_rings = false;
};

Result<SeederConfig> load_config(const Words& words) {
  auto file = words.config;
  std::error_code ignored;
  if (file.empty() && words.folder.empty() && std::filesystem::exists(kSystemConfig, ignored)) file = kSystemConfig;
  const auto folder = words.folder.empty() ? std::optional<Path>() : std::optional<Path>(words.folder);
  Config config;
  if (!file.empty()) {
    UPSWARM_TRY(config, read_config(file));
  }
  UPSWARM_TRY(auto parsed, parse_seeder_config(config, folder));
  UPSWARM_CHECK(log::set_up(parsed.log));
  return parsed;
}

Result<int> serve(const SeederConfig& config) {
  const auto stop = stop_on_signals();
  UPSWARM_CHECK(run_seeder(config, stop));
  return static_cast<int>(ExitCode::done);
}

Result<int> execute_about_machines(const CLI::App& app, const SeederConfig& config, const Words& words) {
  if (app.got_subcommand("enrolment-tokens")) {
    const auto* tokens = app.get_subcommand("enrolment-tokens");
    if (tokens->got_subcommand("list")) return command_list_tokens(config, words.json);
    if (tokens->got_subcommand("revoke")) return command_revoke_token(config, words.token_name, words.json);
    UPSWARM_TRY(const auto valid, parse_duration(words.valid));
    return command_make_token(config, words.token_name, words.uses, valid, words.json);
  }
  if (app.got_subcommand("machines")) {
    const auto* machines = app.get_subcommand("machines");
    if (machines->got_subcommand("list")) return command_list_machines(config, words.json);
    if (machines->got_subcommand("forget")) return command_forget_machine(config, words.machine, words.json);
    return command_revoke_machines(config, words.machine, words.enrolled_by, words.json);
  }
  if (app.got_subcommand("outcomes")) return command_outcomes(config, words.product, words.version, words.json);
  return command_reports(config, words.product, words.limit, words.json);
}

Result<int> execute(const CLI::App& app, const Words& words) {
  UPSWARM_TRY(auto config, load_config(words));
  if (app.got_subcommand("sign-once")) return command_sign_once(config, words.json);
  if (app.got_subcommand("status")) return command_status(config, words.json);
  if (app.got_subcommand("api-key")) {
    const auto* keys = app.get_subcommand("api-key");
    if (keys->got_subcommand("new")) return command_new_key(config, words.key_name, words.scopes, words.json);
    if (keys->got_subcommand("revoke")) return command_revoke_key(config, words.key_name, words.json);
    return command_list_keys(config, words.json);
  }
  if (app.got_subcommand("rollout")) {
    auto change = words.change;
    if (words.pause || words.resume) change.paused = words.pause;
    if (!words.rings.empty()) change.rings = words.rings;
    if (words.all_rings) change.rings.emplace();
    if (!change.permille && !change.paused && !change.rings) {
      return Error{ErrorKind::invalid, "change the rollout",
                   "say --permille N, --ring R, --all-rings, --pause or --resume"};
    }
    return command_rollout(config, change, words.json);
  }
  for (const auto* word : {"enrolment-tokens", "machines", "reports", "outcomes"}) {
    if (app.got_subcommand(word)) return execute_about_machines(app, config, words);
  }
  return serve(config);
}

void add_machine_commands(CLI::App& app, Words& words) {
  auto* tokens = app.add_subcommand("enrolment-tokens", "What machines enrol with, so that their reports count");
  tokens->require_subcommand(1);
  auto* fresh = tokens->add_subcommand("make", "Make a token and show it, this once");
  fresh->add_option("NAME", words.token_name, "Its name")->required();
  fresh->add_option("--uses", words.uses, "How many machines it may enrol")
      ->check(CLI::Range(std::int64_t{1}, kMostUses))
      ->capture_default_str();
  fresh->add_option("--valid", words.valid, "For how long it may be used, for example 12h or 30d")
      ->capture_default_str();
  tokens->add_subcommand("list", "Show all tokens, but not their secrets");
  auto* useless = tokens->add_subcommand("revoke", "Make a token useless; machines that it enrolled stay");
  useless->add_option("NAME", words.token_name, "Its name")->required();

  auto* machines = app.add_subcommand("machines", "Machines that have enrolled");
  machines->require_subcommand(1);
  machines->add_subcommand("list", "Show them and their keys");
  auto* revoke = machines->add_subcommand("revoke", "Count nothing that a machine signed or signs");
  revoke->add_option("MACHINE", words.machine, "Its id");
  revoke->add_option("--enrolled-by", words.enrolled_by, "All machines that this token enrolled");
  auto* forget = machines->add_subcommand("forget", "Let a machine enrol again, also with another key");
  forget->add_option("MACHINE", words.machine, "Its id")->required();

  auto* reports = app.add_subcommand("reports", "What machines told about updates, newest first");
  reports->add_option("PRODUCT", words.product, "Of this product alone");
  reports->add_option("--limit", words.limit, "How many")
      ->check(CLI::Range(std::int64_t{1}, kMostShownReports))
      ->capture_default_str();
  auto* outcomes = app.add_subcommand("outcomes", "How many enrolled machines ended how, by version");
  outcomes->add_option("PRODUCT", words.product, "Product")->required();
  outcomes->add_option("VERSION", words.version, "Of this version alone");
}

void add_commands(CLI::App& app, Words& words) {
  app.add_subcommand("run", "Serve until SIGTERM (what happens without a command)");
  app.add_subcommand("sign-once",
                     "Take in what lies in incoming/, sign the online roles, end; for when no seeder runs, and after\n"
                     "more than 8 days without a signature, to say that the clock is right");
  app.add_subcommand("status", "Show roles, packages, reports and rollouts");

  auto* keys = app.add_subcommand("api-key", "Keys for uploading and watching over HTTP");
  keys->require_subcommand(1);
  auto* fresh = keys->add_subcommand("new", "Make a key and show it, this once");
  fresh->add_option("NAME", words.key_name, "Its name")->required();
  fresh->add_option("--scope", words.scopes, "read, upload or rollout; may be given several times")->required();
  keys->add_subcommand("list", "Show all keys, but not their secrets");
  auto* revoke = keys->add_subcommand("revoke", "Make a key useless");
  revoke->add_option("NAME", words.key_name, "Its name")->required();

  auto* rollout = app.add_subcommand("rollout", "Change which part of the machines gets a release");
  rollout->add_option("PRODUCT", words.change.product, "Product")->required();
  rollout->add_option("CHANNEL", words.change.channel, "Channel, for example stable")->required();
  rollout->add_option("PLATFORM", words.change.platform, "Platform, for example linux-x64")->required();
  rollout->add_option("VERSION", words.change.version, "Version of the release")->required();
  rollout->add_option("--permille", words.change.permille, "How many of a thousand machines get it")
      ->check(CLI::Range(0, 1000));
  auto* rings =
      rollout->add_option("--ring", words.rings, "Only machines in this ring (installer.toml) get it; again for more")
          ->expected(1, static_cast<int>(trust::kMostRings));
  rollout->add_flag("--all-rings", words.all_rings, "Machines in all rings get it, and those in none")->excludes(rings);
  auto* pause = rollout->add_flag("--pause", words.pause, "No further machine gets it");
  rollout->add_flag("--resume", words.resume, "Go on after a pause")->excludes(pause);
  rollout->add_option("--reason", words.change.reason, "For people who ask why")->check([](const std::string& text) {
    return text.size() <= 1000 ? std::string() : std::string("longer than 1000 bytes");
  });
}

int run(int argc, char** argv) {
  CLI::App app{
      std::string("Upswarm's seeder. It serves signed metadata and packages over HTTPS and BitTorrent, answers\n"
                  "announces, takes in what upswarm-publish made, and signs the online roles.\n\n") +
      kExitCodesHelp};
  Words words;
  app.add_option("--config", words.config,
                 std::string("Configuration file (TOML); ") + kSystemConfig + " if that is there");
  app.add_option("--folder", words.folder, "Keep everything here; wins over the configuration");
  app.add_flag("--json", words.json, "Answers and errors as JSON on standard output");
  app.set_version_flag("--version", std::string("upswarm-seeder ") + UPSWARM_VERSION);
  app.require_subcommand(0, 1);
  app.fallthrough();
  add_commands(app, words);
  add_machine_commands(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  const auto result = execute(app, words);
  if (!result) return report_error(result.error(), words.json);
  return *result;
}

}  // namespace
}  // namespace upswarm::seeder

int main(int argc, char** argv) { return upswarm::seeder::run(argc, argv); }
