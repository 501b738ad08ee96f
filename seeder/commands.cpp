#include "seeder/commands.hpp"

#include <iostream>
#include <thread>

#include "protocol/base/file_lock.hpp"
#include "seeder/api_keys.hpp"
#include "seeder/migrations.hpp"
#include "seeder/server.hpp"
#include "seeder/status.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kLookAgain = std::chrono::milliseconds(100);

Json names_of(const std::vector<Scope>& scopes) {
  Json names = Json::array();
  for (const auto scope : scopes) names.push_back(name_of(scope));
  return names;
}

/// Waits until the running seeder has dealt with a bundle.
Result<void> await_taken_in(Files& files, const SeederFolder& folder, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    UPSWARM_TRY(const bool waiting, exists(files, folder.incoming() / name));
    if (!waiting) {
      const auto reason = read_file(files, folder.rejected() / name / "reason.txt", 64_KiB);
      if (reason) return Error{ErrorKind::untrusted, "change the rollout", *reason, "refused"};
      return {};
    }
    std::this_thread::sleep_for(kLookAgain);
  }
  return Error{ErrorKind::busy, "change the rollout", "the seeder did not take incoming/" + name + " yet: see its log"};
}

}  // namespace

int print_answer(const Json& answer, const std::string& text, bool json, ExitCode code) {
  if (json) std::cout << upswarm::to_text(answer) << "\n";
  else std::cout << text;
  std::cout.flush();
  return static_cast<int>(code);
}

Result<Database> open_records(const SeederConfig& config) {
  UPSWARM_CHECK(make_seeder_folder(system_files(), config.folder));
  return Database::open(config.folder.database(), kMigrations);
}

Result<int> command_sign_once(const SeederConfig& config, bool json) {
  UPSWARM_TRY(const auto result, sign_once(config));
  auto code = ExitCode::done;
  if (!result.is_signed) code = ExitCode::nothing_to_do;
  if (result.waiting > 0) code = ExitCode::failed;
  if (result.refused > 0) code = ExitCode::untrusted;
  const auto text = std::to_string(result.taken) + " bundles taken in, " + std::to_string(result.refused) +
                    " refused, " + std::to_string(result.waiting) + " waiting; " +
                    (result.is_signed ? "online roles signed\n" : "nothing to sign yet\n");
  return print_answer(
      {{"taken", result.taken}, {"refused", result.refused}, {"waiting", result.waiting}, {"signed", result.is_signed}},
      text, json, code);
}

Result<int> command_new_key(const SeederConfig& config, const std::string& name, const std::vector<std::string>& words,
                            bool json) {
  std::vector<Scope> scopes;
  for (const auto& word : words) {
    UPSWARM_TRY(const auto scope, parse_scope(word));
    scopes.push_back(scope);
  }
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(const auto key, ApiKeys(records).make(name, scopes, system_clock().now()));
  return print_answer({{"name", name}, {"scopes", names_of(scopes)}, {"key", key}}, key + "\n", json);
}

Result<int> command_list_keys(const SeederConfig& config, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(const auto keys, ApiKeys(records).list());
  Json list = Json::array();
  std::string text;
  for (const auto& key : keys) {
    list.push_back({{"name", key.name},
                    {"scopes", names_of(key.scopes)},
                    {"created", key.created},
                    {"revoked", key.revoked ? Json(*key.revoked) : Json(nullptr)}});
    text += key.name;
    for (const auto scope : key.scopes) text += " " + std::string(name_of(scope));
    text += "  since " + key.created + (key.revoked ? "  revoked " + *key.revoked : "") + "\n";
  }
  return print_answer({{"keys", std::move(list)}}, text.empty() ? "there are no API keys\n" : text, json);
}

Result<int> command_revoke_key(const SeederConfig& config, const std::string& name, bool json) {
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_CHECK(ApiKeys(records).revoke(name, system_clock().now()));
  return print_answer({{"revoked", name}}, name + " is revoked\n", json);
}

Result<int> command_rollout(const SeederConfig& config, const RolloutChange& change, bool json) {
  auto& files = system_files();
  UPSWARM_CHECK(make_seeder_folder(files, config.folder));
  UPSWARM_TRY(const auto wish, make_wish(files, config.folder, change));
  if (!wish) return print_answer({{"changed", false}}, "it is so already\n", json, ExitCode::nothing_to_do);
  UPSWARM_TRY(const auto name, drop_wish(files, config.folder, *wish));
  const auto taken = take_in_incoming(config);
  if (!taken && taken.error().kind != ErrorKind::busy) return taken.error();
  UPSWARM_CHECK(await_taken_in(files, config.folder, name));
  const auto& item = wish->item;
  return print_answer({{"changed", true}, {"permille", item.permille}, {"paused", item.paused}, {"rings", item.rings}},
                      change.product + " " + change.version + ": " + std::to_string(item.permille) + " permille" +
                          (item.paused ? ", paused\n" : "\n"),
                      json);
}

Result<int> command_status(const SeederConfig& config, bool json) {
  auto& files = system_files();
  UPSWARM_TRY(const bool there, exists(files, config.folder.metadata()));
  if (!there)
    return Error{ErrorKind::not_found, "look at the folder " + config.folder.root.string(), "no seeder ever ran there"};
  UPSWARM_TRY(auto records, open_records(config));
  UPSWARM_TRY(auto status, describe_repository(files, config.folder, records, system_clock().now()));
  const auto lock = FileLock::take(config.folder.lock());
  const bool running = !lock && lock.error().kind == ErrorKind::busy;
  status["running"] = running;
  return print_answer(status, std::string(running ? "the seeder runs\n" : "no seeder runs\n") + to_text(status), json);
}

}  // namespace upswarm::seeder
