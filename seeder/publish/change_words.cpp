#include "seeder/publish/change_words.hpp"

#include <algorithm>

#include "seeder/publish/bundle_folder.hpp"

namespace upswarm::publish {
namespace {

constexpr std::size_t kShortId = 16;

/// Signed text may hold what a terminal obeys: it must not overwrite the lines before it.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; }, '?');
  return text;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : between) + printable(word);
  return text;
}

bool has(const std::vector<trust::KeyId>& ids, const trust::KeyId& id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// "  role rel-app: 2 of 3 keys" and a line a key.
std::string keys_text(const std::string& role, const trust::RoleKeys* before, const trust::RoleKeys& after) {
  std::string text = "  role " + printable(role) + ": " + std::to_string(after.threshold) + " of " +
                     std::to_string(after.key_ids.size()) + " keys must sign";
  if (before == nullptr) text += "  NEW ROLE";
  else if (before->threshold != after.threshold) text += "  WAS " + std::to_string(before->threshold);
  text += "\n";
  for (const auto& id : after.key_ids) {
    text += "    key " + short_id(id) + (before != nullptr && !has(before->key_ids, id) ? "  ADDED" : "") + "\n";
  }
  if (before == nullptr) return text;
  for (const auto& id : before->key_ids) {
    if (!has(after.key_ids, id)) text += "    key " + short_id(id) + "  REMOVED\n";
  }
  return text;
}

std::string head(const std::string& role, trust::RoleVersion version, Time expires) {
  return role + " version " + std::to_string(version) + ", good until " + to_string(expires) + "\n";
}

std::string root_words(const trust::Root& before, const trust::Root& after) {
  auto text = head("root", after.version, after.expires);
  if (before.consistent_snapshot != after.consistent_snapshot)
    text += std::string("  consistent_snapshot becomes ") + (after.consistent_snapshot ? "true\n" : "FALSE\n");
  for (const auto& [role, keys] : after.roles) text += keys_text(role, &before.roles.at(role), keys);
  return text;
}

const trust::DelegatedRole* find_role(const trust::Targets& targets, const std::string& name) {
  const auto found = std::ranges::find(targets.delegations.roles, name, &trust::DelegatedRole::name);
  return found == targets.delegations.roles.end() ? nullptr : &*found;
}

std::string targets_words(const trust::Targets& before, const trust::Targets& after) {
  auto text = head("targets", after.version, after.expires);
  for (const auto& role : after.delegations.roles) {
    const auto* old = find_role(before, role.name);
    text += keys_text(role.name, old == nullptr ? nullptr : &old->keys, role.keys);
    if (old == nullptr || old->paths != role.paths || old->path_hash_prefixes != role.path_hash_prefixes)
      text += "    may sign " + joined(role.paths, ", ") + joined(role.path_hash_prefixes, ", ") + "\n";
    if (old != nullptr && old->epoch != role.epoch)
      text += "    epoch " + std::to_string(old->epoch) + " becomes " + std::to_string(role.epoch) + "\n";
    else if (old == nullptr && role.epoch != 1) text += "    epoch " + std::to_string(role.epoch) + "\n";
    if (old != nullptr && old->terminating != role.terminating) text += "    its place in the order of roles changes\n";
  }
  for (const auto& role : before.delegations.roles) {
    if (find_role(after, role.name) == nullptr) text += "  role " + role.name + "  REMOVED\n";
  }
  if (!after.targets.empty())
    text += "  signs " + std::to_string(after.targets.size()) + " files itself, which is NOT USUAL\n";
  return text;
}

std::string command_words(const char* what, const std::optional<trust::Command>& command) {
  if (!command || command->argv.empty()) return "";
  return "      " + std::string(what) + ": " + joined(command->argv, " ") +
         (command->run_as.empty() ? "" : "  as " + printable(command->run_as)) + "\n";
}

std::string health_words(const trust::HealthCheck& health) {
  using Kind = trust::HealthCheck::Kind;
  std::string text;
  if (health.kind == Kind::command) text = command_words("health check", health.command);
  if (health.kind == Kind::confirm) {
    text = "      health check: " + printable(health.account) + " confirms" +
           (health.executable ? ", from a program of the release" : "") + "\n";
  }
  if (health.kind == Kind::http) {
    text = "      health check: " + printable(health.account) +
           " answers http://127.0.0.1:" + std::to_string(health.port) + printable(health.path) + " with " +
           std::to_string(health.status) + "\n";
  }
  if (health.stable.count() > 0) text += "      services must run on for " + to_string(health.stable) + "\n";
  return text;
}

std::string entry_words(const trust::Entry& entry) {
  auto text = "    " + entry.version + "  release " + entry.counter.text() + "  " + to_string(entry.full.length) +
              (entry.urgent ? "  urgent" : "") + "\n      content " + entry.content.hex() + "\n";
  if (!entry.requirements.empty()) text += "      " + requires_words(entry) + "\n";
  text += health_words(entry.health);
  text += command_words("hook before", entry.hooks.before);
  text += command_words("hook after", entry.hooks.after);
  text += command_words("hook rollback", entry.hooks.rollback);
  if (!entry.services.empty()) text += "      services: " + joined(entry.services, ", ") + "\n";
  return text;
}

std::string withdrawal_words(const trust::Index& index, const trust::Withdrawal& withdrawal) {
  const auto name = [&](const trust::ReleaseCounter& counter) {
    const auto* const entry = index.find(counter);
    return (entry == nullptr ? "" : entry->version + "  ") + "release " + counter.text();
  };
  return "    WITHDRAWS " + name(withdrawal.counter) +
         (withdrawal.go_back_to ? "; machines go BACK to " + name(*withdrawal.go_back_to) : "; machines keep it") +
         (withdrawal.reason.empty() ? "" : "\n      because: " + printable(withdrawal.reason)) + "\n";
}

/// Withdrawals that come, go, or say something else.
std::string withdrawn_words(const trust::Index* before, const trust::Index& after) {
  std::string text;
  for (const auto& one : after.withdrawn) {
    const auto* const old = before == nullptr ? nullptr : before->withdrawal_of(one.counter);
    if (old == nullptr || old->go_back_to != one.go_back_to || old->reason != one.reason)
      text += withdrawal_words(after, one);
  }
  if (before == nullptr) return text;
  for (const auto& one : before->withdrawn) {
    if (after.withdrawal_of(one.counter) != nullptr || after.find(one.counter) == nullptr) continue;
    text += "    " + after.find(one.counter)->version + "  release " + one.counter.text() + " STANDS AGAIN\n";
  }
  return text;
}

/// Entries that come, go, or say something else under the same counter.
std::string index_words(const std::string& path, const trust::Index* before, const trust::Index& after) {
  auto text = "  " + printable(path) + "\n";
  if (before == nullptr || before->floor != after.floor) text += "    floor becomes " + after.floor.text() + "\n";
  for (const auto& entry : after.entries) {
    const auto* old = before == nullptr ? nullptr : before->find(entry.counter);
    if (old != nullptr && old->digest() == entry.digest()) continue;
    text += old == nullptr ? "    ADDS\n" : "    ALTERS\n";
    text += entry_words(entry);
  }
  text += withdrawn_words(before, after);
  if (before == nullptr) return text;
  for (const auto& entry : before->entries) {
    if (after.find(entry.counter) == nullptr)
      text += "    drops " + entry.version + "  release " + entry.counter.text() + "\n";
  }
  return text;
}

Result<std::string> release_words(const Base& base, const ChangeFile& change, const Document& document) {
  UPSWARM_TRY(const auto envelope,
              trust::parse_envelope(write_signed(document), document.role, trust::kLongestTargets));
  UPSWARM_TRY(const auto after, trust::parse_targets(envelope, document.role));
  auto text = head(document.role, after.version, after.expires);
  const auto old = base.roles.find(document.role);
  const std::map<std::string, trust::TargetFile> none;
  const auto& before = old == base.roles.end() ? none : old->second.targets;
  std::size_t packages = 0;
  bool is_same = true;
  for (const auto& [path, target] : after.targets) {
    const auto known = before.find(path);
    if (known != before.end() && known->second.sha256 == target.sha256) continue;
    is_same = false;
    if (!path.starts_with("index/") && !path.starts_with("preindex/")) {
      ++packages;
      if (known != before.end()) text += "  REPLACES " + printable(path) + "\n";
      continue;
    }
    UPSWARM_TRY(const auto index, trust::parse_index(change.targets.at(consistent_name(path, target.sha256)), path));
    const auto base_index = base.indexes.find(path);
    text += index_words(path, base_index == base.indexes.end() ? nullptr : &base_index->second, index);
  }
  if (packages > 0) text += "  " + std::to_string(packages) + " new packages and torrents\n";
  for (const auto& [path, target] : before) {
    if (after.targets.contains(path)) continue;
    is_same = false;
    text += "  drops " + printable(path) + "\n";
  }
  if (!after.delegations.roles.empty()) text += "  delegates to other roles, which is NOT USUAL\n";
  return is_same ? text + "  says what it said before\n" : text;
}

}  // namespace

std::string short_id(const trust::KeyId& id) { return printable(id.substr(0, kShortId)); }

std::string wish_words(const seeder::RolloutWish& wish) {
  const auto& item = wish.item;
  return "asks for the rollout of release " + item.counter.text() + " of " + wish.product + " (" + wish.channel + ", " +
         wish.platform + ") to " + std::to_string(item.permille) + " of 1000 machines" +
         (item.rings.empty() ? "" : " in " + joined(item.rings, ", ")) + (item.paused ? ", paused" : "") +
         (item.reason.empty() ? "" : ", because: " + printable(item.reason)) + "\n";
}

Result<std::string> words_of(const Base& base, const ChangeFile& change) {
  UPSWARM_CHECK(check_change(base, change));
  std::string text;
  for (const auto& document : change.documents) {
    UPSWARM_TRY(const auto envelope,
                trust::parse_envelope(write_signed(document), document.role, trust::kLongestTargets));
    if (document.role == "root") {
      UPSWARM_TRY(const auto root, trust::parse_root(envelope));
      text += root_words(base.root, root);
    } else if (document.role == "targets") {
      UPSWARM_TRY(const auto targets, trust::parse_targets(envelope, "targets"));
      text += targets_words(base.targets, targets);
    } else {
      UPSWARM_TRY(const auto words, release_words(base, change, document));
      text += words;
    }
  }
  for (const auto& wish : change.rollouts) text += wish_words(wish);
  return text;
}

std::string requires_words(const trust::Entry& entry) {
  return "requires " + joined(entry.requirements, ", ") +
         ": programs from before `requires` refuse the whole index, those that lack it hold this release alone";
}

std::string missing_words(const std::vector<Missing>& missing) {
  std::string text;
  for (const auto& one : missing) {
    text += "  " + one.who + ": " + std::to_string(one.good) + " of " + std::to_string(one.wanted) +
            " signatures; may sign:";
    for (const auto& id : one.may_sign) text += " " + short_id(id);
    text += "\n";
  }
  return text;
}

}  // namespace upswarm::publish
