#include <iostream>

#include "protocol/base/terminal.hpp"
#include "seeder/publish/change_words.hpp"
#include "seeder/publish/key_changes.hpp"
#include "seeder/publish/key_list.hpp"
#include "seeder/publish/session.hpp"
#include "seeder/publish/wishes.hpp"

namespace upswarm::publish {
namespace {

Json missing_json(const std::vector<Missing>& missing) {
  auto list = Json::array();
  for (const auto& one : missing) {
    list.push_back({{"role", one.role},
                    {"signers", one.who},
                    {"good", one.good},
                    {"wanted", one.wanted},
                    {"may_sign", one.may_sign}});
  }
  return list;
}

std::string base_words(const OpenedChange& opened) {
  return "built on root version " + std::to_string(opened.base.root.version) + ", SHA-256 " +
         opened.base.digests.at("root") + "\n";
}

Error only_one(const char* what) { return {ErrorKind::invalid, what, "one change file is wanted"}; }

/// In the order in which no machine ever refuses: while both keys count, whichever the seeder signs with is good.
std::string online_steps(const Rotated& rotated, const std::string& role) {
  return "Both keys of " + role + " count until the old one is revoked. What to do, in this order:\n" +
         "1. Hand over, and wait until the seeder has taken the bundle in.\n" + "2. Move " +
         rotated.online_key.string() + " to the seeder's keys folder in place of the old one, owned by its account, " +
         "mode 0600. It signs with it from the next signature on.\n" + "3. When it has signed (within the hour):\n" +
         "     upswarm-publish keys revoke " + role + " " + rotated.old_key + "\n   and hand over again.\n";
}

}  // namespace

Answer Session::pending(const Signed& outcome, Answer answer) const {
  const auto file = outcome.change.string();
  answer.json["change"] = file;
  answer.json["missing"] = missing_json(outcome.missing);
  answer.json["handed_over"] = false;
  answer.text += "Nothing is published yet: more people must sign " + file + "\n" + missing_words(outcome.missing) +
                 "Send each of them the file. Where his key is, no repository is needed:\n" +
                 "  upswarm-publish keys sign FILE --key ROLE-NAME.key.json\n" + "With all signatures, here:\n" +
                 "  upswarm-publish --repository " + line_.common.repository + " keys publish " + file + "\n";
  return answer;
}

Result<Answer> Session::new_key() {
  const auto& wanted = line_.keys;
  UPSWARM_CHECK(check_offline_role(wanted.role));
  UPSWARM_CHECK(trust::parse_name(wanted.name));
  const Path folder = line_.output;
  UPSWARM_TRY(const auto words, passphrase(true)());
  UPSWARM_CHECK(make_folders(files(), folder, 0700));
  UPSWARM_TRY(const auto key, write_new_key(files(), folder, wanted.role, wanted.name, words, line_.wanted.strength));
  const auto secret = (folder / key_file_name(wanted.role, wanted.name)).string();
  const auto half = (folder / (wanted.role + "-" + wanted.name + ".pub.json")).string();
  Answer answer;
  answer.json = {{"key_id", key.id()}, {"secret", secret}, {"public", half}};
  answer.text = "Made the key " + short_id(key.id()) + ".\n" + "Keep " + secret +
                " and its passphrase to yourself. Send " + half + " to whoever keeps the repository:\n" +
                "  upswarm-publish keys add-signer " + wanted.role + " " + half + "\n";
  return answer;
}

Result<Answer> Session::list_keys() {
  UPSWARM_TRY(const auto repository, open(Repository::Access::reading));
  auto ring = keys(repository, false);
  UPSWARM_TRY(auto json, publish::list_keys(repository, ring, system_clock()));
  auto text = key_list_text(json);
  return Answer{.text = std::move(text), .json = std::move(json)};
}

Result<Answer> Session::add_signer() {
  UPSWARM_TRY(const auto to, destination());
  const auto& wanted = line_.keys;
  if (wanted.files.size() != 1) return Error{ErrorKind::invalid, "add a signer", "one public key file is wanted"};
  UPSWARM_TRY(const auto text, read_file(files(), wanted.files.front(), kLongestPublicKey));
  UPSWARM_TRY(const auto key, read_public_key(text, wanted.files.front()));
  Signed outcome;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    const KeyWork work{files(), repository, system_clock(), ring, line_.wanted.strength};
    UPSWARM_TRY(outcome, publish::add_signer(work, wanted.role, key, wanted.threshold));
  }
  Answer answer{.text = "The key " + short_id(key.key_id) + " is to sign as " + wanted.role + ".\n"};
  answer.json["key_id"] = key.key_id;
  return made(outcome, std::move(answer), to.get());
}

Result<Answer> Session::revoke() {
  UPSWARM_TRY(const auto to, destination());
  const auto& wanted = line_.keys;
  Signed outcome;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    const KeyWork work{files(), repository, system_clock(), ring, line_.wanted.strength};
    UPSWARM_TRY(outcome, revoke_key(work, {wanted.role, wanted.key, wanted.threshold, wanted.raise_epoch}));
  }
  Answer answer{.text = "The key " + wanted.key + " is to sign as " + wanted.role + " no more.\n"};
  if (wanted.raise_epoch) answer.text += "Releases count in the next epoch: publish one, for machines wait for it.\n";
  return made(outcome, std::move(answer), to.get());
}

Result<Answer> Session::rotate() {
  UPSWARM_TRY(const auto to, destination());
  const auto& wanted = line_.keys;
  Rotated rotated;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    auto ring = keys(repository, false);
    const KeyWork work{files(), repository, system_clock(), ring, line_.wanted.strength};
    UPSWARM_TRY(rotated, rotate_key(work, {wanted.role, wanted.key, wanted.name}));
  }
  Answer answer{.text = "The new key of " + wanted.role + " is " + short_id(rotated.new_key) + ".\n"};
  answer.json = {{"new_key", rotated.new_key}, {"old_key", rotated.old_key}};
  if (is_online_role(wanted.role)) {
    answer.json["online_key"] = rotated.online_key.string();
    answer.text += online_steps(rotated, wanted.role);
  }
  return made(rotated.signed_as, std::move(answer), to.get());
}

Result<OpenedChange> Session::opened_change() const {
  const auto& wanted = line_.keys;
  if (wanted.files.size() != 1) return only_one("open a change");
  std::optional<std::string> root;
  if (!wanted.trusted_root.empty()) {
    UPSWARM_TRY(root, read_file(files(), wanted.trusted_root, trust::kLongestRoot));
  }
  return open_change(files(), wanted.files.front(), root);
}

Result<Answer> Session::show() {
  UPSWARM_TRY(const auto opened, opened_change());
  Answer answer;
  answer.text = base_words(opened) + opened.words +
                (opened.missing.empty() ? "nothing is missing: `keys publish` it\n"
                                        : "signatures\n" + missing_words(opened.missing));
  answer.json = {
      {"words", opened.words}, {"root", opened.base.digests.at("root")}, {"missing", missing_json(opened.missing)}};
  return answer;
}

Result<Answer> Session::sign() {
  UPSWARM_TRY(auto opened, opened_change());
  const auto words = base_words(opened) + opened.words;
  if (!line_.keys.yes) {
    std::cerr << words << std::flush;
    UPSWARM_TRY(const auto said, ask_line("Sign this? Type yes"));
    if (said != "yes") return Error{ErrorKind::cancelled, "sign " + line_.keys.files.front(), "it was not confirmed"};
  }
  const auto& path = line_.keys.key_file;
  UPSWARM_TRY(const auto text, read_file(files(), path, kLongestKeyFile));
  UPSWARM_TRY(const auto secret, passphrase(false)());
  UPSWARM_TRY(const auto key, unlock_key(text, path, secret));
  UPSWARM_TRY(const auto missing, add_signature(files(), line_.keys.files.front(), std::move(opened), key));
  Answer answer;
  answer.json = {{"key_id", key.id()}, {"words", words}, {"missing", missing_json(missing)}};
  answer.text =
      (line_.keys.yes ? words : "") + "Signed with key " + short_id(key.id()) + ".\n" +
      (missing.empty() ? "Nothing is missing any more. Where the repository is:\n  upswarm-publish keys publish " +
                             line_.keys.files.front() + "\n"
                       : "More people must sign:\n" + missing_words(missing));
  return answer;
}

Result<Answer> Session::publish_signed() {
  UPSWARM_TRY(const auto to, destination());
  std::vector<Path> copies(line_.keys.files.begin(), line_.keys.files.end());
  Published published;
  {
    UPSWARM_TRY(auto repository, open(Repository::Access::writing));
    UPSWARM_TRY(published, publish_change(files(), repository, copies));
  }
  Answer answer{.text = "All signatures are there.\n"};
  for (const auto& wish : published.rollouts) answer.text += "It " + wish_words(wish);
  answer.json["rollouts"] = wishes_json(published.rollouts);
  return made({.bundle = published.bundle}, std::move(answer), to.get());
}

Result<Answer> Session::discard() {
  if (line_.keys.files.size() != 1) return only_one("discard a change");
  UPSWARM_TRY(const auto repository, open(Repository::Access::writing));
  UPSWARM_TRY(const auto name, discard_change(files(), repository, line_.keys.files.front()));
  return Answer{.text = "Discarded " + name + ". Copies that others have cannot be called back.\n",
                .json = {{"discarded", name}}};
}

}  // namespace upswarm::publish
