#include "seeder/publish/key_changes.hpp"

#include <algorithm>
#include <set>

#include "seeder/publish/products.hpp"

namespace upswarm::publish {
namespace {

constexpr std::size_t kShortestPrefix = 8;

bool is_in_root(const std::string& role) {
  return role == "root" || role == "targets" || role == "timestamp" || role == "snapshot";
}

Error refused(const std::string& role, std::string why, std::string reason) {
  return {ErrorKind::invalid, "change the keys of " + role, std::move(why), std::move(reason)};
}

/// Keys that no role names any more would stay in the metadata for ever.
template <typename Roles, typename KeysOf>
void drop_unused(std::map<trust::KeyId, trust::PublicKey>& keys, const Roles& roles, KeysOf keys_of) {
  std::set<trust::KeyId> used;
  for (const auto& role : roles) used.insert(keys_of(role).key_ids.begin(), keys_of(role).key_ids.end());
  std::erase_if(keys, [&used](const auto& one) { return !used.contains(one.first); });
}

/// Root and targets as they shall become.
class KeyChange {
 public:
  explicit KeyChange(const KeyWork& work, std::string role)
      : work_(work), role_(std::move(role)), root_(work.repository.root()), targets_(work.repository.targets()) {}

  /// Null: there is no such role.
  trust::RoleKeys* role_keys() {
    if (is_in_root(role_)) return &root_.roles.at(role_);
    auto* delegation = find(role_);
    return delegation == nullptr ? nullptr : &delegation->keys;
  }

  Result<trust::RoleKeys*> need_role_keys() {
    auto* keys = role_keys();
    if (keys != nullptr) return keys;
    return Error{ErrorKind::not_found, "change the keys of " + role_, "there is no such role", "role"};
  }

  trust::DelegatedRole* find(const std::string& role) {
    const auto found = std::ranges::find(targets_.delegations.roles, role, &trust::DelegatedRole::name);
    return found == targets_.delegations.roles.end() ? nullptr : &*found;
  }

  trust::Delegations& delegations() { return targets_.delegations; }
  void enter(const trust::PublicKey& key) {
    (is_in_root(role_) ? root_.keys : targets_.delegations.keys)[trust::id_of(key)] = key;
  }

  Result<void> set_threshold(std::optional<int> wanted) {
    UPSWARM_TRY(auto* keys, need_role_keys());
    if (wanted) keys->threshold = *wanted;
    const auto count = static_cast<int>(keys->key_ids.size());
    if (count == 0) return refused(role_, "it is its last key: rotate it instead", "last_key");
    if (keys->threshold >= 1 && keys->threshold <= count) return {};
    return refused(role_,
                   "of " + std::to_string(count) + " keys " + std::to_string(keys->threshold) +
                       " cannot sign: say another --threshold",
                   "threshold");
  }

  /// The change with all that it makes necessary.
  Result<Signed> finish(std::string name, bool sign_anew) {
    ChangeFile change{.name = std::move(name)};
    const auto& settings = work_.repository.settings();
    if (is_in_root(role_)) {
      drop_unused(root_.keys, root_.roles, [](const auto& one) -> const trust::RoleKeys& { return one.second; });
      put(change, "root", root_, settings.root_days);
    }
    UPSWARM_TRY(const bool is_signed, is_still_signed());
    const bool anew = sign_anew || !is_signed;
    if (!is_in_root(role_) || (role_ == "targets" && anew)) {
      drop_unused(targets_.delegations.keys, targets_.delegations.roles,
                  [](const trust::DelegatedRole& one) -> const trust::RoleKeys& { return one.keys; });
      put(change, "targets", targets_, settings.targets_days);
    }
    const auto roles = work_.repository.roles();
    if (const auto found = roles.find(role_); found != roles.end() && anew && found->second->release.version > 0) {
      const bool is_release = found->second->stage == Stage::release;
      put(change, role_, found->second->release, is_release ? settings.release_days : settings.prerelease_days);
    }
    return sign_and_commit(work_.files, work_.repository, std::move(change), {}, work_.keys);
  }

 private:
  template <typename Content>
  void put(ChangeFile& change, const std::string& role, Content content, std::int64_t days) const {
    ++content.version;
    content.expires = work_.clock.now() + std::chrono::days(days);
    change.add(role).content = to_json(content);
  }

  /// Whether what the role signed last still counts under its new keys.
  Result<bool> is_still_signed() {
    const auto roles = work_.repository.roles();
    const auto found = roles.find(role_);
    const bool has_file = role_ == "targets" || (found != roles.end() && found->second->release.version > 0);
    if (!has_file) return true;
    UPSWARM_TRY(const auto text, work_.repository.signed_file(role_));
    UPSWARM_TRY(const auto envelope, trust::parse_envelope(text, role_, trust::kLongestTargets));
    const auto& keys = is_in_root(role_) ? root_.keys : targets_.delegations.keys;
    return trust::verify_signatures(envelope, *role_keys(), keys, trust::ed25519_verifier(), role_).has_value();
  }

  const KeyWork& work_;
  std::string role_;
  trust::Root root_;
  trust::Targets targets_;
};

Result<trust::KeyId> find_key(const trust::RoleKeys& keys, const std::string& role, const std::string& wanted) {
  if (wanted.empty() && keys.key_ids.size() == 1) return keys.key_ids.front();
  if (wanted.size() < kShortestPrefix)
    return refused(role, "say which key: its id, or the first 8 digits (see `keys list`)", "key");
  std::vector<trust::KeyId> fitting;
  std::ranges::copy_if(keys.key_ids, std::back_inserter(fitting),
                       [&wanted](const auto& id) { return id.starts_with(wanted); });
  if (fitting.size() == 1) return fitting.front();
  if (!fitting.empty()) return refused(role, "several of its keys begin with " + wanted, "key");
  return Error{ErrorKind::not_found, "change the keys of " + role, "it has no key " + wanted, "key"};
}

Result<void> raise_epoch(KeyChange& change, const std::string& role) {
  if (!role.starts_with("rel-") && !role.starts_with("pre-"))
    return refused(role, "only releases and nightly builds have an epoch", "epoch");
  const auto product = role.substr(4);
  std::int64_t epoch = 0;
  for (const auto& one : {release_role(product), prerelease_role(product)}) {
    if (const auto* delegation = change.find(one)) epoch = std::max(epoch, delegation->epoch);
  }
  for (const auto& one : {release_role(product), prerelease_role(product)}) {
    if (auto* delegation = change.find(one)) delegation->epoch = epoch + 1;
  }
  return {};
}

/// The new secret for the seeder. One that still lies here is kept under another name: it may be the only copy.
Result<trust::PublicKey> make_online_key(const KeyWork& work, const std::string& role, const Path& file) {
  UPSWARM_CHECK(make_folders(work.files, file.parent_path(), 0700));
  UPSWARM_TRY(const auto there, exists(work.files, file));
  const auto key = trust::SigningKey::generate();
  if (there) {
    const auto kept = file.parent_path() / (role + "-before-" + key.id().substr(0, kShortestPrefix) + ".key");
    UPSWARM_CHECK(work.files.rename(file, kept));
  }
  UPSWARM_CHECK(write_file_atomically(work.files, file, write_online_key(key), 0600));
  return key.public_key();
}

}  // namespace

bool is_online_role(const std::string& role) { return role == "timestamp" || role == "snapshot" || role == "rollout"; }

Result<Signed> add_signer(const KeyWork& work, const std::string& role, const PublicKeyFile& key,
                          std::optional<int> threshold) {
  UPSWARM_CHECK(check_offline_role(role));
  if (key.role != role) return refused(role, "the key was made for " + key.role, "role");
  KeyChange change(work, role);
  if (change.role_keys() == nullptr && role.starts_with("pre-")) {
    UPSWARM_CHECK(work.repository.product(role.substr(4)));
    delegate_product(change.delegations(), key.key, role);
    // It shares the row of counters with the releases, and so their epoch.
    change.find(role)->epoch = change.find(release_role(role.substr(4)))->epoch;
  } else {
    UPSWARM_TRY(auto* keys, change.need_role_keys());
    if (std::ranges::find(keys->key_ids, key.key_id) != keys->key_ids.end())
      return refused(role, "this key is one of its keys already", "key");
    keys->key_ids.push_back(key.key_id);
    change.enter(key.key);
  }
  UPSWARM_CHECK(change.set_threshold(threshold));
  return change.finish("add-signer-" + role, false);
}

Result<Signed> revoke_key(const KeyWork& work, const Revocation& wanted) {
  KeyChange change(work, wanted.role);
  UPSWARM_TRY(auto* keys, change.need_role_keys());
  UPSWARM_TRY(const auto id, find_key(*keys, wanted.role, wanted.key));
  std::erase(keys->key_ids, id);
  UPSWARM_CHECK(change.set_threshold(wanted.threshold));
  if (wanted.raise_epoch) UPSWARM_CHECK(raise_epoch(change, wanted.role));
  return change.finish("revoke-" + wanted.role, true);
}

Result<Rotated> rotate_key(const KeyWork& work, const Rotation& wanted) {
  KeyChange change(work, wanted.role);
  UPSWARM_TRY(auto* keys, change.need_role_keys());
  Rotated rotated;
  UPSWARM_TRY(rotated.old_key, find_key(*keys, wanted.role, wanted.key));
  if (is_online_role(wanted.role)) {
    if (keys->key_ids.size() > 1)
      return refused(wanted.role, "it has two keys already: revoke the one that is not in use first", "key");
    rotated.online_key = work.repository.folder().online_keys() / (wanted.role + ".key");
    UPSWARM_TRY(const auto key, make_online_key(work, wanted.role, rotated.online_key));
    rotated.new_key = trust::id_of(key);
    keys->key_ids.push_back(rotated.new_key);
    change.enter(key);
  } else {
    auto name = wanted.name;
    if (name.empty()) {
      UPSWARM_TRY(name, work.keys.free_name(wanted.role));
    }
    // Before a key is made: a wrong passphrase must leave nothing behind.
    UPSWARM_CHECK(work.keys.unlock(wanted.role, *keys));
    UPSWARM_TRY(const auto key, work.keys.make_key(wanted.role, name, work.strength));
    rotated.new_key = trust::id_of(key);
    std::ranges::replace(keys->key_ids, rotated.old_key, rotated.new_key);
    change.enter(key);
  }
  UPSWARM_TRY(rotated.signed_as, change.finish("rotate-" + wanted.role, true));
  return rotated;
}

}  // namespace upswarm::publish
