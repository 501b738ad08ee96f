// What the command line of upswarm-publish says, and doing it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/program.hpp"
#include "seeder/publish/products.hpp"
#include "seeder/publish/release.hpp"
#include "seeder/publish/steering.hpp"

namespace upswarm::publish {

/// Options of all commands, and those with defaults in --config.
struct CommonOptions {
  std::string repository = ".";
  std::string passphrase_file;
  std::string config;
  std::string to;              ///< folder or URL; empty: the bundle stays in outgoing/
  bool is_to_default = false;  ///< `to` is what the file of --config says
  std::string api_key_file;
  std::string ca_file;
  std::string keys;    ///< folder of key files; empty: keys/ in the repository
  std::string signer;  ///< NAME in ROLE-NAME.key.json; empty: the first key of a role that is there
  bool json = false;
};

/// Arguments of `keys ...`.
struct KeysOptions {
  std::string role;
  std::string name;                ///< of a new key
  std::string key;                 ///< a key's id, or the first digits of it
  std::vector<std::string> files;  ///< add-signer: the public key; sign, show, publish, discard: change files
  std::string key_file;            ///< sign
  std::string trusted_root;        ///< sign, show
  std::optional<int> threshold;
  bool raise_epoch = false;
  bool yes = false;
};

/// The whole command line, parsed. `command` is the name of the subcommand; "keys new", "keys list", ...
struct CommandLine {
  std::string command;
  CommonOptions common;
  std::string folder;          ///< init, release, pack, plan, diff, apply: the first path
  std::string second;          ///< plan, diff, apply: the second path; inspect: --base
  std::string output;          ///< -o
  package::PackOptions pack;   ///< pack
  bool chunks = false;         ///< plan: name each chunk
  package::DeltaOptions diff;  ///< diff
  bool go_on = false;          ///< unpack, apply: --resume
  bool lists_files = false;    ///< inspect: --files
  NewRepository wanted;        ///< init
  ReleaseRequest release;
  ReleaseChoice choice;  ///< rollout, floor, withdraw
  RolloutChange rollout;
  WithdrawalRequest withdrawal;
  bool pause = false;
  bool resume = false;
  std::vector<std::string> rings;
  bool all_rings = false;
  bool with_root = false;   ///< renew
  bool everything = false;  ///< hand-over
  bool nightly = false;     ///< add-product
  KeysOptions keys;
};

/// Reads the file of --config: repository, passphrase_file, to, api_key_file, ca_file, keys, signer. What the command
/// line said wins. Errors: as read_config, invalid.
Result<void> read_defaults(CommonOptions& common, const CommonOptions& unset);

/// What a command answers: text for people, a value for --json.
struct Answer {
  std::string text;
  Json json = Json::object();
  ExitCode code = ExitCode::done;
};

/// Does what was asked.
Result<Answer> run(const CommandLine& line, std::stop_token stop);

}  // namespace upswarm::publish
