#include "seeder/offline_keys.hpp"

#include "protocol/base/hex.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::seeder {
namespace {

constexpr Bytes kLongestKey = 16_KiB;
constexpr int kDeepestFolder = 4;

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Empty when it is no key file.
std::string public_text_of(std::string_view text) {
  const auto json = parse_json(text, "a key", {.longest = kLongestKey, .deepest = 4});
  if (!json || !json->is_object()) return "";
  if (const auto named = text_in(*json, "public"); !named.empty()) return named;
  const auto seed = from_hex(text_in(*json, "seed"));
  if (!seed) return "";
  const auto key = trust::SigningKey::from_seed(*seed);
  return key ? key->public_key().public_text : "";
}

Result<void> find_in(Files& files, const Path& folder, int depth, std::vector<FoundKey>& found) {
  UPSWARM_TRY(const auto names, files.list(folder));
  for (const auto& name : names) {
    const auto path = folder / name;
    UPSWARM_TRY(const auto info, files.info(path));
    if (info.type == FileType::folder && depth < kDeepestFolder) UPSWARM_CHECK(find_in(files, path, depth + 1, found));
    if (info.type != FileType::regular || info.size > kLongestKey) continue;
    const auto text = read_file(files, path, kLongestKey);
    if (!text && text.error().kind == ErrorKind::denied) continue;  // what cannot be read is not held
    UPSWARM_CHECK(text);
    if (auto key = public_text_of(*text); !key.empty()) found.push_back({path, std::move(key)});
  }
  return {};
}

Result<void> check_role(const std::vector<FoundKey>& found, const std::string& role, const trust::RoleKeys& signers,
                        const std::map<trust::KeyId, trust::PublicKey>& keys) {
  for (const auto& id : signers.key_ids) {
    const auto named = keys.find(id);
    if (named == keys.end()) continue;
    for (const auto& key : found) {
      if (key.public_text != named->second.public_text) continue;
      return Error{ErrorKind::denied, "use the keys folder",
                   key.file.string() + " is a key of the offline role " + role +
                       ": a seeder must never hold one. Remove it here, and replace it by new ones if others could "
                       "have read it",
                   "offline_key"};
    }
  }
  return {};
}

}  // namespace

Result<std::vector<FoundKey>> find_keys(Files& files, const Path& folder) {
  std::vector<FoundKey> found;
  UPSWARM_TRY(const auto there, exists(files, folder));
  if (there) UPSWARM_CHECK(find_in(files, folder, 0, found));
  return found;
}

Result<void> check_no_offline_key(const std::vector<FoundKey>& keys, const RepositoryView& view) {
  if (view.root) {
    for (const char* role : {"root", "targets"}) {
      UPSWARM_CHECK(check_role(keys, role, view.root->roles.at(role), view.root->keys));
    }
  }
  for (const auto& [name, file] : view.roles) {
    for (const auto& role : file.content.delegations.roles) {
      if (name == "targets" && role.name == "rollout") continue;
      UPSWARM_CHECK(check_role(keys, role.name, role.keys, file.content.delegations.keys));
    }
  }
  return {};
}

}  // namespace upswarm::seeder
