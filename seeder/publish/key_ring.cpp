#include "seeder/publish/key_ring.hpp"

#include <algorithm>

namespace upswarm::publish {

Result<std::string> KeyRing::passphrase() {
  if (passphrase_.empty()) {
    UPSWARM_TRY(passphrase_, source_());
  }
  return passphrase_;
}

Result<std::vector<trust::SigningKey>> KeyRing::unlock(const std::string& role, const trust::RoleKeys& keys) {
  const auto wanted = static_cast<std::size_t>(std::max(keys.threshold, 1));
  std::vector<trust::SigningKey> unlocked;
  UPSWARM_TRY(const auto names, files_.list(folder_));
  for (const auto& name : names) {
    if (unlocked.size() == wanted) break;
    if (!name.ends_with(".key.json")) continue;
    const auto path = folder_ / name;
    UPSWARM_TRY(const auto text, read_file(files_, path, kLongestKeyFile));
    UPSWARM_TRY(const auto info, read_key_file_info(text, path.string()));
    const bool ours = info.role == role && std::ranges::find(keys.key_ids, info.key_id) != keys.key_ids.end();
    const auto same = [&info](const trust::SigningKey& key) { return key.id() == info.key_id; };
    if (!ours || std::ranges::any_of(unlocked, same)) continue;
    UPSWARM_TRY(const auto words, passphrase());
    UPSWARM_TRY(auto key, unlock_key(text, path.string(), words));
    unlocked.push_back(std::move(key));
  }
  if (unlocked.size() < wanted) {
    return Error{ErrorKind::not_found, "sign as " + role,
                 std::to_string(wanted) + " of its keys are needed, " + std::to_string(unlocked.size()) + " found in " +
                     folder_.string(),
                 "keys"};
  }
  return unlocked;
}

Result<trust::SigningKey> KeyRing::make_key(const std::string& role, int number, const KeyStrength& strength) {
  auto key = trust::SigningKey::generate();
  UPSWARM_TRY(const auto words, passphrase());
  UPSWARM_TRY(const auto text, lock_key(key, role, words, strength));
  const auto name = role + "-" + std::to_string(number) + ".key.json";
  UPSWARM_CHECK(write_file_atomically(files_, folder_ / name, text, 0600));
  return key;
}

std::string seal_with(const Json& content, const std::vector<trust::SigningKey>& keys) {
  std::vector<const trust::SigningKey*> pointers;
  for (const auto& key : keys) pointers.push_back(&key);
  return trust::seal(content, pointers);
}

}  // namespace upswarm::publish
