// upswarm-publish: keys, packages, signatures and rollouts, at the release desk or in CI.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "protocol/base/memory.hpp"
#include "seeder/publish/command_line.hpp"
#include "seeder/publish/package_commands.hpp"

namespace upswarm::publish {
namespace {

void add_common(CLI::App& app, CommonOptions& common) {
  app.add_option("--repository", common.repository, "The publisher's repository")->capture_default_str();
  app.add_option(
      "--passphrase-file", common.passphrase_file,
      "File with the passphrase of the offline keys; else UPSWARM_PASSPHRASE, else it is asked at the terminal");
  app.add_option("--config", common.config,
                 "TOML file with repository, passphrase_file, to, api_key_file, ca_file, keys, signer");
  app.add_option("--keys", common.keys, "Folder of the offline keys; else keys/ in the repository");
  app.add_option("--signer", common.signer,
                 "Sign with the keys ROLE-NAME.key.json of this NAME; else with the first key of a role");
  app.add_flag("--json", common.json, "Answers and errors as JSON on standard output");
  app.set_version_flag("--version", std::string("upswarm-publish ") + UPSWARM_VERSION);
}

void add_destination(CLI::App& command, CommonOptions& common,
                     const char* to =
                         "The seeder's incoming folder, or https://SEEDER; without it the bundle waits in "
                         "outgoing/") {
  command.add_option("--to", common.to, to);
  command.add_option("--api-key-file", common.api_key_file, "File with the API key, for https");
  command.add_option("--ca-file", common.ca_file, "PEM file with the authority of the seeder's certificate");
}

void add_repository_commands(CLI::App& app, CommandLine& line) {
  auto& init = *app.add_subcommand("init", "Make a repository with its keys");
  init.add_option("DIR", line.folder, "Empty or missing folder")->required();
  init.add_option("--product", line.wanted.products, "A product to start with; may be given again");
  init.add_option("--root-keys", line.wanted.root_keys, "How many root keys")->capture_default_str();
  init.add_option("--root-threshold", line.wanted.root_threshold, "How many of them must sign")->capture_default_str();

  init.add_flag("--pre", line.wanted.nightly, "With a key for nightly builds of each product");

  auto& add = *app.add_subcommand("add-product", "Give the repository one more product");
  add.add_option("PRODUCT", line.release.name.product)->required();
  add.add_flag("--pre", line.nightly, "With a key for nightly builds, too");
  add_destination(add, line.common);

  auto& renew = *app.add_subcommand("renew", "Sign the offline roles anew before they expire");
  renew.add_flag("--root", line.with_root, "The root, too");
  add_destination(renew, line.common);
  auto& status = *app.add_subcommand("status", "Roles with their dates, products, releases");
  add_destination(status, line.common,
                  "https://SEEDER, which is asked how much each package is used: with an API key of the scope read");
}

void add_signer_commands(CLI::App& keys, CommandLine& line) {
  const auto change_role = [&](const char* name, const char* what) -> CLI::App& {
    auto& command = *keys.add_subcommand(name, what);
    command.add_option("ROLE", line.keys.role, "root, targets, rel-PRODUCT, pre-PRODUCT, ...")->required();
    add_destination(command, line.common);
    return command;
  };
  auto& add = change_role("add-signer", "Let one more key sign as a role");
  add.add_option("FILE", line.keys.files, "Its public half, ROLE-NAME.pub.json")->required()->expected(1);
  add.add_option("--threshold", line.keys.threshold, "How many keys of the role must sign from now on");
  auto& revoke = change_role("revoke", "Take a key from a role, and sign the role anew");
  revoke.add_option("KEY", line.keys.key, "Its id, or the first 8 digits")->required();
  revoke.add_option("--threshold", line.keys.threshold, "How many keys of the role must sign from now on");
  revoke.add_flag("--raise-epoch", line.keys.raise_epoch,
                  "The key was stolen: counters of releases begin anew, above all that the thief may have signed");
  auto& rotate = change_role("rotate", "Make a new key in place of an old one, also for timestamp, snapshot, rollout");
  rotate.add_option("KEY", line.keys.key, "The old one; not needed where the role has one key");
  rotate.add_option("--name", line.keys.name, "NAME of the new key; else a number");
}

void add_key_commands(CLI::App& app, CommandLine& line) {
  auto& keys = *app.add_subcommand("keys", "Who may sign: make, list, add, revoke, replace; sign together");
  keys.require_subcommand(1);
  keys.fallthrough();
  auto& make = *keys.add_subcommand("new", "Make a key of one's own; needs no repository");
  make.add_option("ROLE", line.keys.role, "root, targets, rel-PRODUCT or pre-PRODUCT")->required();
  make.add_option("--name", line.keys.name, "Whose it is: a-z 0-9 . _ -")->required();
  make.add_option("-o,--output", line.output, "Folder for ROLE-NAME.key.json (secret) and ROLE-NAME.pub.json")
      ->required();
  keys.add_subcommand("list", "Roles with their keys, thresholds and dates, and changes that wait for signatures");
  add_signer_commands(keys, line);
  const auto change = [&](const char* name, const char* what) -> CLI::App& {
    auto& command = *keys.add_subcommand(name, what);
    command.add_option("CHANGE", line.keys.files, "NUMBER-NAME.change.json")->required();
    return command;
  };
  auto& sign = change("sign", "Sign a change after showing what it does; needs no repository");
  sign.add_option("--key", line.keys.key_file, "One's own ROLE-NAME.key.json")->required();
  sign.add_option("--root", line.keys.trusted_root, "A root file of one's own: the change must be built on it");
  sign.add_flag("--yes", line.keys.yes, "Do not ask");
  auto& show = change("show", "What a change does, and which signatures it lacks; needs no repository");
  show.add_option("--root", line.keys.trusted_root, "A root file of one's own: the change must be built on it");
  add_destination(change("publish", "Publish a change with all its signatures; of several copies they count together"),
                  line.common);
  change("discard", "Give a change up that waits for signatures, with its packages");
}

void add_release_commands(CLI::App& app, CommandLine& line) {
  auto& release = *app.add_subcommand("release", "Pack, sign and hand over a release");
  release.add_option("DIR", line.release.folder, "The tree to be released")->required();
  release.add_option("--product", line.release.name.product)->required();
  release.add_option("--version", line.release.name.version, "Semantic Version 2.0")->required();
  release.add_option("--channel", line.release.channel, "stable, beta, ...")->required();
  release.add_option("--platform", line.release.name.platform, "linux-x64, windows-x64, ...")->required();
  release.add_option("--recipe", line.release.recipe, "TOML: layout, hooks, health, services, urgent, changelog, ...")
      ->required();
  release.add_flag("--pre", line.release.name.is_nightly,
                   "A nightly build for machines that opted in, signed as pre-PRODUCT");
  release
      .add_option("--rollout", line.release.permille, "To how many of 1000 machines; without it the release is held")
      ->check(CLI::Range(0, 1000));
  release
      .add_option("--deltas", line.release.deltas,
                  "From how many earlier releases a delta is made; without it 10, of an urgent release 20\n"
                  "(deltas and hotfix_deltas in repository.json)")
      ->check(CLI::Range(0, static_cast<int>(trust::kMostDeltas)));
  add_destination(release, line.common);

  const auto choose = [&line](CLI::App& command) {
    command.add_option("PRODUCT", line.choice.product)->required();
    command.add_option("CHANNEL", line.choice.channel)->required();
    command.add_option("PLATFORM", line.choice.platform)->required();
    command.add_option("VERSION", line.choice.version)->required();
    add_destination(command, line.common);
  };
  auto& rollout = *app.add_subcommand("rollout", "Widen, pause or resume the rollout of a release");
  choose(rollout);
  rollout.add_option("--permille", line.rollout.permille, "To how many of 1000 machines")->check(CLI::Range(0, 1000));
  auto* rings =
      rollout.add_option("--ring", line.rings, "Only machines in this ring (installer.toml) get it; again for more");
  rings->expected(1)->take_all();
  rollout.add_flag("--all-rings", line.all_rings, "Machines in all rings get it, and those in none")->excludes(rings);
  auto* pause = rollout.add_flag("--pause", line.pause, "Hold it on machines that do not have it yet");
  rollout.add_flag("--resume", line.resume, "Go on")->excludes(pause);
  rollout.add_option("--reason", line.rollout.reason, "Shown on machines");
  choose(*app.add_subcommand("floor", "Never again below this release (signed)"));
  auto& withdraw =
      *app.add_subcommand("withdraw", "Nobody gets this release any more; who has it may go back (signed)");
  choose(withdraw);
  auto* back =
      withdraw.add_option("--back-to", line.withdrawal.go_back_to,
                          "The version that machines go back to; else as said before, or they wait for a newer");
  auto* stay =
      withdraw.add_flag("--stay", line.withdrawal.stay, "Take the way back away: machines wait for a newer one");
  stay->excludes(back);
  auto* why = withdraw.add_option("--reason", line.withdrawal.reason, "Shown on machines");
  withdraw.add_flag("--undo", line.withdrawal.undo, "The release stands again")
      ->excludes(back)
      ->excludes(why)
      ->excludes(stay);
  auto& hand_over = *app.add_subcommand("hand-over", "Give the bundles that wait in outgoing/ to the seeder");
  hand_over.add_flag("--all", line.everything,
                     "Everything that is current, in one bundle: for a seeder that was put back from a backup");
  add_destination(hand_over, line.common);
}

/// `memory` is where help says what it is for, and how much it is by itself.
template <typename Options>
void add_making_options(CLI::App& command, Options& options, const std::string& memory) {
  using package::PackLevel;
  static const std::map<std::string, PackLevel> kLevels{
      {"fast", PackLevel::fast}, {"default", PackLevel::standard}, {"best", PackLevel::best}};
  command.add_option("--threads", options.threads, "How many work at once (0: as many as there are processors)")
      ->check(CLI::Range(0, 256));
  command
      .add_option_function<std::uint64_t>(
          "--memory", [&options](std::uint64_t mib) { options.memory = Bytes{mib << 20U}; }, memory)
      ->check(CLI::Range(64, 1 << 20));
  command.add_option("--level", options.level, "fast, default, best")->transform(CLI::Transformer(kLevels));
}

void add_package_commands(CLI::App& app, CommandLine& line) {
  const auto output = [&line](CLI::App& command) { command.add_option("-o,--output", line.output)->required(); };
  auto& pack = *app.add_subcommand("pack", "Pack a folder into a full package");
  pack.add_option("DIR", line.folder)->required();
  output(pack);
  add_making_options(pack, line.pack, "MiB to stay below; fewer threads where it is little (256)");
  const auto resume = [&line](CLI::App& command) {
    command.add_flag(
        "--resume", line.go_on,
        "Go on from the whole files that a stopped run left in OUTPUT.part, and leave it there when stopped");
  };
  pack.add_option_function<std::uint64_t>(
          "--frame", [&line](std::uint64_t kib) { line.pack.frame = Bytes{kib << 10U}; },
          "KiB up to which small files share a frame (8): with less, machines that have most of them fetch less")
      ->check(CLI::Range(1, 256));
  auto& unpack = *app.add_subcommand("unpack", "Unpack a full package into a new folder");
  unpack.add_option("FILE", line.folder)->required();
  output(unpack);
  resume(unpack);
  auto& plan = *app.add_subcommand("plan", "What a machine with the folder OLD would fetch of a full package");
  plan.add_option("OLD", line.folder)->required();
  plan.add_option("FILE", line.second)->required();
  plan.add_flag("--chunks", line.chunks, "Name each chunk that it lacks");
  auto& diff = *app.add_subcommand("diff", "Make a delta from one folder or .upk to another");
  diff.add_option("OLD", line.folder)->required();
  diff.add_option("NEW", line.second)->required();
  output(diff);
  add_making_options(diff, line.diff, "MiB to stay below; trees that take more are compared in parts (9216)");
  auto& apply = *app.add_subcommand("apply", "Make a new folder from an old one (or .upk) and a delta");
  apply.add_option("OLD", line.folder)->required();
  apply.add_option("FILE", line.second)->required();
  output(apply);
  resume(apply);
  auto& inspect = *app.add_subcommand("inspect", "What a package or delta says about itself");
  inspect.add_option("FILE", line.folder)->required();
  inspect.add_option("--base", line.second,
                     "What a delta starts from (folder or .upk): also says which old files each file comes from, and "
                     "names those that have no name in the delta");
  inspect.add_flag("--files", line.lists_files, "Also each file, folder and link in a full package");
}

int answer(const Result<Answer>& result, bool json) {
  if (!result) return report_error(result.error(), json);
  if (json) std::cout << to_text(result->json) << std::endl;
  else std::cout << result->text << std::flush;
  return static_cast<int>(result->code);
}

}  // namespace
}  // namespace upswarm::publish

int main(int argc, char** argv) {
  using namespace upswarm;  // NOLINT(google-build-using-namespace): this is main
  give_memory_back();
  CLI::App app{
      std::string("Upswarm's publisher: makes keys, packs and signs releases, and hands them to the seeder.\n\n") +
      kExitCodesHelp};
  publish::CommandLine line;
  app.require_subcommand(1);
  app.fallthrough();
  publish::add_common(app, line.common);
  publish::add_repository_commands(app, line);
  publish::add_key_commands(app, line);
  publish::add_release_commands(app, line);
  publish::add_package_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  const auto* command = app.get_subcommands().front();
  line.command = command->get_name();
  if (line.command == "keys") line.command += " " + command->get_subcommands().front()->get_name();
  return publish::answer(publish::run(line, stop_on_signals()), line.common.json);
}
