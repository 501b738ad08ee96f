#include "seeder/publish/command_line.hpp"

#include <cstdlib>

#include "protocol/base/config.hpp"
#include "protocol/base/log.hpp"
#include "seeder/publish/change_words.hpp"
#include "seeder/publish/delta_explanation.hpp"
#include "seeder/publish/early_end.hpp"
#include "seeder/publish/everything.hpp"
#include "seeder/publish/package_commands.hpp"
#include "seeder/publish/package_listing.hpp"
#include "seeder/publish/package_use.hpp"
#include "seeder/publish/session.hpp"
#include "seeder/publish/status.hpp"

namespace upswarm::publish {

/// Checked before anything is made: a wrong path is no reason to pack a release twice.   Null without --to.
Result<std::unique_ptr<Destination>> Session::destination() const {
  const auto& common = line_.common;
  if (common.to.empty()) return std::unique_ptr<Destination>();
  if (!is_url(common.to)) return open_folder_destination(files(), common.to);
  UPSWARM_TRY(auto key, api_key("hand over to " + common.to));
  return open_http_destination(files(), make_http_client({.ca_file = common.ca_file}), common.to, std::move(key));
}

/// For the seeder at --to, which is a URL.
Result<std::string> Session::api_key(const std::string& what) const {
  const auto& common = line_.common;
  if (common.api_key_file.empty()) return Error{ErrorKind::invalid, what, "--api-key-file is missing"};
  UPSWARM_TRY(auto key, read_secret_line(files(), common.api_key_file));
  if (common.to.starts_with("http://"))
    log::warning("the API key goes over an unencrypted connection", {{"to", common.to}});
  return key;
}

Result<std::vector<std::string>> Session::send_all(Destination& to) {
  UPSWARM_TRY(auto repository, open(Repository::Access::writing));
  if (line_.everything) {
    UPSWARM_TRY(auto name, hand_over_everything(files(), repository, to, progress(), stop_));
    return std::vector{std::move(name)};
  }
  return hand_over_all(repository, to, progress(), stop_);
}

KeyRing Session::keys(const Repository& repository, bool is_new) const {
  const Path folder = line_.common.keys.empty() ? repository.folder().keys() : Path(line_.common.keys);
  return {files(), folder, passphrase(is_new), line_.common.signer};
}

/// Ends a command that had something signed: with the bundle handed over, when --to says where, after those that still
/// wait; or with what others have to do first.
Result<Answer> Session::made(const Signed& outcome, Answer answer, Destination* to) {
  if (outcome.bundle.empty()) return pending(outcome, std::move(answer));
  const auto& bundle = outcome.bundle;
  answer.json["bundle"] = bundle;
  answer.json["handed_over"] = to != nullptr;
  if (to == nullptr) {
    answer.text += "The bundle waits in outgoing/" + bundle +
                   ". Give it to the seeder:\n  upswarm-publish --repository " + line_.common.repository +
                   " hand-over --to INCOMING-FOLDER-OR-URL\n";
    return answer;
  }
  auto sent = send_all(*to);
  if (!sent) {
    return std::move(sent).error().within("all is signed and waits in outgoing/" + bundle +
                                          "; send it again with `upswarm-publish hand-over`");
  }
  answer.json["sent"] = *sent;
  answer.text += "Handed over to " + line_.common.to + ".\n";
  return answer;
}

Result<Answer> Session::init() {
  UPSWARM_CHECK(make_repository(files(), line_.folder, line_.wanted, system_clock(), passphrase(true)));
  const auto folder = RepositoryFolder{line_.folder};
  Answer answer;
  answer.json = {{"repository", line_.folder},
                 {"root", (folder.metadata() / "1.root.json").string()},
                 {"online_keys", folder.online_keys().string()}};
  answer.text = "Made a repository in " + line_.folder + ". What to do next:\n" + "1. Move " +
                folder.online_keys().string() +
                "/*.key to the seeder's keys folder, owned by its account, mode 0600.\n" + "2. Place " +
                (folder.metadata() / "1.root.json").string() + " on every machine: its first root of trust.\n" +
                "3. Give the first bundle to the seeder:\n     upswarm-publish --repository " + line_.folder +
                " hand-over --to INCOMING-FOLDER-OR-URL\n" + "4. Keep " + folder.keys().string() +
                " and the passphrase off-line, and copies of both in another place.\n";
  return answer;
}

Result<Answer> Session::add_product() {
  UPSWARM_TRY(const auto to, destination());
  Signed outcome;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    // The new key gets the passphrase of the others: typing it once is enough, as it must unlock one of them first.
    auto ring = keys(repository, false);
    UPSWARM_TRY(outcome, publish::add_product(files(), repository, line_.release.name.product, line_.nightly,
                                              system_clock(), ring, line_.wanted.strength));
  }
  Answer answer{.text = "The product " + line_.release.name.product + " has its keys.\n"};
  answer.json["product"] = line_.release.name.product;
  return made(outcome, std::move(answer), to.get());
}

Result<Answer> Session::renew() {
  UPSWARM_TRY(const auto to, destination());
  Signed outcome;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    UPSWARM_TRY(outcome, publish::renew(files(), repository, line_.with_root, system_clock(), ring));
  }
  return made(outcome, {.text = "The roles get later dates.\n"}, to.get());
}

namespace {

Json release_json(const ReleaseReport& report) {
  Json notes = Json::array();
  for (const auto& note : report.notes) notes.push_back({{"from", note.from}, {"why", note.why}});
  return {{"entry", to_json(report.entry)},
          {"entry_digest", report.entry.digest().hex()},
          {"counter", report.entry.counter.text()},
          {"deltas_not_made", std::move(notes)},
          {"packages_reused", report.packages_reused}};
}

std::string release_text(const ReleaseReport& report, const ReleaseRequest& request) {
  const auto& entry = report.entry;
  auto text = request.name.product + " " + entry.version + " is release " + entry.counter.text() + " (" +
              request.channel + ", " + request.name.platform + ")\n  full package  " + to_string(entry.full.length) +
              (report.packages_reused ? "  (as released to another channel)" : "") + "\n";
  for (const auto& delta : entry.deltas)
    text += "  from " + delta.from_version + "  " + to_string(delta.file.length) + "\n";
  if (!entry.requirements.empty()) text += "  " + requires_words(entry) + "\n";
  for (const auto& note : report.notes) text += "  no delta from " + note.from + ": " + note.why + "\n";
  if (request.permille) return text + "  rollout to " + std::to_string(*request.permille) + " of 1000 machines\n";
  return text + "  HELD: no machine takes it before a rollout, for example:\n    upswarm-publish rollout " +
         request.name.product + " " + request.channel + " " + request.name.platform + " " + entry.version +
         " --permille 100\n";
}

}  // namespace

Result<Answer> Session::release() {
  UPSWARM_TRY(const auto to, destination());
  auto report = [&]() -> Result<ReleaseReport> {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    return make_release(files(), repository, line_.release, system_clock(), ring, progress(), stop_);
  }();
  if (!report) return std::move(report).error();
  auto json = release_json(*report);
  json["held"] = !line_.release.permille.has_value();
  return made(report->signed_as, {.text = release_text(*report, line_.release), .json = std::move(json)}, to.get());
}

Result<Answer> Session::rollout() {
  UPSWARM_TRY(const auto to, destination());
  auto change = line_.rollout;
  if (line_.pause || line_.resume) change.paused = line_.pause;
  if (!line_.rings.empty()) change.rings = line_.rings;
  if (line_.all_rings) change.rings.emplace();
  if (!change.permille && !change.paused && !change.rings)
    return Error{ErrorKind::invalid, "rollout", "say --permille N, --ring R, --all-rings, --pause or --resume"};
  std::string bundle;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    UPSWARM_TRY(bundle, steer_rollout(repository, line_.choice, change));
  }
  return made({.bundle = bundle},
              {.text = "Asked for the rollout of " + line_.choice.product + " " + line_.choice.version + ".\n"},
              to.get());
}

Result<Answer> Session::floor() {
  UPSWARM_TRY(const auto to, destination());
  std::optional<Signed> outcome;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    UPSWARM_TRY(outcome, raise_floor(files(), repository, line_.choice, system_clock(), ring));
  }
  if (!outcome) return Answer{.text = "The floor is there already.\n", .code = ExitCode::nothing_to_do};
  return made(*outcome, {.text = "The floor rises to " + line_.choice.version + ".\n"}, to.get());
}

Result<Answer> Session::withdraw() {
  UPSWARM_TRY(const auto to, destination());
  std::optional<WithdrawalReport> outcome;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    UPSWARM_TRY(outcome, publish::withdraw(files(), repository, line_.choice, line_.withdrawal, system_clock(), ring));
  }
  if (!outcome) return Answer{.text = "The index says so already.\n", .code = ExitCode::nothing_to_do};
  const auto undo = line_.withdrawal.undo;
  const auto& back = outcome->go_back_to;
  Answer answer{.text = line_.choice.product + " " + line_.choice.version + (undo ? " stands again" : " is withdrawn")};
  if (!undo) answer.text += back.empty() ? "; machines that have it keep it" : "; machines go back to " + back;
  if (!back.empty()) answer.json["go_back_to"] = back;
  answer.text += ".\n";
  return made(outcome->signed_as, std::move(answer), to.get());
}

Result<Answer> Session::hand_over() {
  UPSWARM_TRY(const auto to, destination());
  if (!to) return Error{ErrorKind::invalid, "hand over", "--to FOLDER or --to URL is missing"};
  UPSWARM_TRY(const auto sent, send_all(*to));
  Answer answer;
  answer.json["sent"] = sent;
  for (const auto& name : sent) answer.text += "handed over " + name + "\n";
  if (sent.empty()) {
    answer.text = "Nothing waits to be handed over.\n";
    answer.code = ExitCode::nothing_to_do;
  }
  return answer;
}

Result<Answer> Session::status() {
  const auto& common = line_.common;
  const auto what = "ask " + common.to + " how much packages are used";
  // A default may be a folder, or lack a key: it is for handing over in the first place.
  const bool is_asked = common.is_to_default ? is_url(common.to) && !common.api_key_file.empty() : !common.to.empty();
  if (is_asked && !is_url(common.to)) return Error{ErrorKind::invalid, what, "--to wants https://SEEDER here"};
  std::string key;
  if (is_asked) {
    UPSWARM_TRY(key, api_key(what));
  }
  UPSWARM_TRY(const auto repository, open(Repository::Access::reading));
  UPSWARM_TRY(auto json, status_of(repository, system_clock()));
  std::string unknown;
  if (is_asked) {
    const auto http = make_http_client({.ca_file = common.ca_file});
    const auto uses = ask_package_use(*http, common.to, key, stop_);
    if (uses) add_package_use(*uses, json);
    else json["use_unknown"] = unknown = uses.error().message();
  }
  auto text = status_text(json);
  if (!unknown.empty()) text += "how much packages are used is not known: " + unknown + "\n";
  return Answer{.text = std::move(text), .json = std::move(json)};
}

namespace {

/// After a stop, for commands that compute for long between two looks at it.
constexpr std::chrono::seconds kStopGrace{1};

/// Leaves no half-made output, whatever other threads are at. What is whole or not begun ends by itself.
void end_now(Making& making, const CommandLine& line) {
  if (!making.give_up(system_files())) return;
  std::_Exit(report_error({ErrorKind::cancelled, line.command, "stopped"}, line.common.json));
}

}  // namespace

Result<Answer> Session::packages() {
  Making making;
  const PackageWork work{files(), progress(), stop_, &making};
  auto result = [&]() -> Result<Json> {
    std::optional<EarlyEnd> early_end;  // not beyond the work: an answer may wait long for who reads it
    if (line_.command == "diff" || line_.command == "pack")
      early_end.emplace(stop_, kStopGrace, [&] { end_now(making, line_); });
    if (line_.command == "pack") return pack_folder(work, line_.folder, line_.output, line_.pack);
    if (line_.command == "unpack") return unpack_package(work, line_.folder, line_.output, line_.go_on);
    if (line_.command == "plan") return plan_fetch(work, line_.folder, line_.second, line_.chunks);
    if (line_.command == "diff") return make_delta(work, line_.folder, line_.second, line_.output, line_.diff);
    if (line_.command == "apply") return apply_delta(work, line_.folder, line_.second, line_.output, line_.go_on);
    return inspect(files(), line_.folder, {.base = line_.second, .files = line_.lists_files});
  }();
  if (!result) return std::move(result).error();
  Answer answer;
  for (const auto& [key, value] : result->items()) {
    if ((key == "files" || key == "tree") && value.is_array()) continue;
    answer.text += key + "  " + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
  }
  if (const auto files = result->find("files"); files != result->end() && files->is_array())
    answer.text += origins_text(*files);
  if (const auto tree = result->find("tree"); tree != result->end()) answer.text += listing_text(*tree);
  answer.json = std::move(*result);
  return answer;
}

Result<void> read_defaults(CommonOptions& common, const CommonOptions& unset) {
  if (common.config.empty()) return {};
  UPSWARM_TRY(const auto config, read_config(common.config));
  auto in = config.reader();
  const auto fill = [&in](const char* key, std::string& value, const std::string& otherwise) {
    const auto written = in.text_or(key, otherwise);
    if (value == otherwise) value = written;
  };
  fill("repository", common.repository, unset.repository);
  fill("passphrase_file", common.passphrase_file, unset.passphrase_file);
  common.is_to_default = common.to == unset.to;
  fill("to", common.to, unset.to);
  fill("api_key_file", common.api_key_file, unset.api_key_file);
  fill("ca_file", common.ca_file, unset.ca_file);
  fill("keys", common.keys, unset.keys);
  fill("signer", common.signer, unset.signer);
  return in.finish();
}

Result<Answer> run(const CommandLine& line, std::stop_token stop) {
  auto effective = line;
  UPSWARM_CHECK(read_defaults(effective.common, CommonOptions{}));
  Session session(effective, std::move(stop));
  using Act = Result<Answer> (Session::*)();
  static const std::map<std::string, Act> kActs{
      {"init", &Session::init},
      {"add-product", &Session::add_product},
      {"renew", &Session::renew},
      {"release", &Session::release},
      {"rollout", &Session::rollout},
      {"floor", &Session::floor},
      {"withdraw", &Session::withdraw},
      {"hand-over", &Session::hand_over},
      {"status", &Session::status},
      {"keys new", &Session::new_key},
      {"keys list", &Session::list_keys},
      {"keys add-signer", &Session::add_signer},
      {"keys revoke", &Session::revoke},
      {"keys rotate", &Session::rotate},
      {"keys sign", &Session::sign},
      {"keys show", &Session::show},
      {"keys publish", &Session::publish_signed},
      {"keys discard", &Session::discard},
  };
  const auto found = kActs.find(effective.command);
  return found == kActs.end() ? session.packages() : (session.*found->second)();
}

}  // namespace upswarm::publish
