#include "seeder/publish/key_ring.hpp"

#include <algorithm>

#include "seeder/publish/public_key_file.hpp"

namespace upswarm::publish {
namespace {

constexpr std::string_view kEnd = ".key.json";

}  // namespace

std::string key_file_name(const std::string& role, const std::string& name) {
  return role + "-" + name + std::string(kEnd);
}

Result<std::string> KeyRing::passphrase() {
  if (passphrase_.empty()) {
    UPSWARM_TRY(passphrase_, source_());
  }
  return passphrase_;
}

Result<std::vector<std::string>> KeyRing::names() {
  auto all = files_.list(folder_);
  if (!all && all.error().kind == ErrorKind::not_found) return std::vector<std::string>{};
  UPSWARM_CHECK(all);
  std::erase_if(*all, [](const std::string& name) { return !name.ends_with(kEnd); });
  std::ranges::sort(*all);
  return all;
}

Result<void> KeyRing::unlock(const std::string& role, const trust::RoleKeys& keys) {
  if (unlocked_.contains(role)) return {};
  UPSWARM_TRY(const auto all, names());
  for (const auto& name : all) {
    if (!signer_.empty() && name != key_file_name(role, signer_)) continue;
    const auto path = folder_ / name;
    UPSWARM_TRY(const auto text, read_file(files_, path, kLongestKeyFile));
    UPSWARM_TRY(const auto info, read_key_file_info(text, path.string()));
    const auto [first, last] = made_.equal_range(role);
    const auto is_it = [&info](const auto& made) { return made.second.id() == info.key_id; };
    if (std::any_of(first, last, is_it)) continue;
    if (info.role != role || std::ranges::find(keys.key_ids, info.key_id) == keys.key_ids.end()) continue;
    UPSWARM_TRY(const auto words, passphrase());
    UPSWARM_TRY(auto key, unlock_key(text, path.string(), words));
    unlocked_.emplace(role, std::move(key));
    return {};
  }
  return {};
}

std::vector<const trust::SigningKey*> KeyRing::keys_of(const std::string& role) const {
  std::vector<const trust::SigningKey*> keys;
  if (const auto one = unlocked_.find(role); one != unlocked_.end()) keys.push_back(&one->second);
  const auto [first, last] = made_.equal_range(role);
  for (auto one = first; one != last; ++one) keys.push_back(&one->second);
  return keys;
}

Result<trust::PublicKey> KeyRing::make_key(const std::string& role, const std::string& name,
                                           const KeyStrength& strength) {
  UPSWARM_TRY(const auto words, passphrase());
  UPSWARM_TRY(auto key, write_new_key(files_, folder_, role, name, words, strength));
  auto half = key.public_key();
  made_.emplace(role, std::move(key));
  return half;
}

Result<std::string> KeyRing::free_name(const std::string& role) {
  UPSWARM_TRY(const auto all, names());
  for (int number = 1;; ++number) {
    auto name = std::to_string(number);
    if (std::ranges::find(all, key_file_name(role, name)) == all.end()) return name;
  }
}

Result<std::map<trust::KeyId, std::string>> KeyRing::files_here() {
  std::map<trust::KeyId, std::string> here;
  UPSWARM_TRY(const auto all, names());
  for (const auto& name : all) {
    const auto path = folder_ / name;
    UPSWARM_TRY(const auto text, read_file(files_, path, kLongestKeyFile));
    UPSWARM_TRY(const auto info, read_key_file_info(text, path.string()));
    here.emplace(info.key_id, name);
  }
  return here;
}

}  // namespace upswarm::publish
