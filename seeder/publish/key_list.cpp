#include "seeder/publish/key_list.hpp"

#include "seeder/publish/change_words.hpp"

namespace upswarm::publish {
namespace {

Json keys_json(const std::string& role, const trust::RoleKeys& keys, const std::map<trust::KeyId, std::string>& here) {
  auto list = Json::array();
  for (const auto& id : keys.key_ids) {
    const auto file = here.find(id);
    list.push_back({{"key_id", id}, {"file", file == here.end() ? "" : file->second}});
  }
  return {{"role", role}, {"threshold", keys.threshold}, {"keys", std::move(list)}};
}

}  // namespace

Json expiry_of(const std::string& role, trust::RoleVersion version, Time expires, std::int64_t days,
               const Clock& clock) {
  const auto left = expires - clock.now();
  return {{"role", role},
          {"version", version},
          {"expires", to_string(expires)},
          {"days_left", std::chrono::round<std::chrono::days>(left).count()},
          {"expired", left <= left.zero()},
          {"renew_soon", left * 2 < std::chrono::days(days)}};
}

std::string expiry_text(const Json& role) {
  const auto expires = role.at("expires").get<std::string>();
  if (role.at("expired").get<bool>()) return "EXPIRED on " + expires;
  auto text = "until " + expires + " (" + std::to_string(role.at("days_left").get<std::int64_t>()) + " days)";
  if (role.at("renew_soon").get<bool>()) text += "  WARNING: less than half of its time is left, sign it anew";
  return text;
}

Json offline_roles(const Repository& repository, const Clock& clock) {
  const auto& settings = repository.settings();
  auto roles = Json::array();
  const auto add = [&](const std::string& role, const auto& content, std::int64_t days) {
    roles.push_back(expiry_of(role, content.version, content.expires, days, clock));
  };
  add("root", repository.root(), settings.root_days);
  add("targets", repository.targets(), settings.targets_days);
  for (const auto& [name, product] : repository.products()) add(product.role(), product.release, settings.release_days);
  for (const auto& [name, product] : repository.prereleases()) {
    if (product.release.version > 0) add(product.role(), product.release, settings.prerelease_days);
  }
  return roles;
}

Result<Json> list_keys(const Repository& repository, KeyRing& keys, const Clock& clock) {
  UPSWARM_TRY(const auto here, keys.files_here());
  const auto dates = offline_roles(repository, clock);
  auto roles = Json::array();
  const auto add = [&](const std::string& role, const trust::RoleKeys& role_keys) {
    auto json = keys_json(role, role_keys, here);
    for (const auto& date : dates) {
      if (date.at("role") == role) json.update(date);
    }
    roles.push_back(std::move(json));
  };
  for (const auto& [role, role_keys] : repository.root().roles) add(role, role_keys);
  for (const auto& role : repository.targets().delegations.roles) add(role.name, role.keys);
  UPSWARM_TRY(const auto changes, repository.changes());
  return Json{{"roles", std::move(roles)}, {"changes", changes}};
}

std::string key_list_text(const Json& list) {
  std::string text;
  for (const auto& role : list.at("roles")) {
    text += role.at("role").get<std::string>() + "  " + std::to_string(role.at("threshold").get<int>()) + " of " +
            std::to_string(role.at("keys").size()) + " must sign";
    text += (role.contains("expires") ? "  " + expiry_text(role) : "") + "\n";
    for (const auto& key : role.at("keys")) {
      const auto file = key.at("file").get<std::string>();
      text += "  " + short_id(key.at("key_id").get<std::string>()) + (file.empty() ? "" : "  " + file) + "\n";
    }
  }
  if (!list.at("changes").empty()) text += "waiting for signatures\n";
  for (const auto& change : list.at("changes")) text += "  changes/" + change.get<std::string>() + "\n";
  return text;
}

}  // namespace upswarm::publish
