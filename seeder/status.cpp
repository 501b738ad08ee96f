#include "seeder/status.hpp"

#include <algorithm>

#include "seeder/package_use.hpp"
#include "seeder/repository.hpp"
#include "seeder/role_lives.hpp"
#include "seeder/rollouts.hpp"

namespace upswarm::seeder {
namespace {

Json describe_releases(const trust::Index& index, const Rollouts& rollouts) {
  const auto rollout = rollouts.find(trust::rollout_path(index.product, index.channel, index.platform));
  Json releases = Json::array();
  for (const auto& entry : index.entries) {
    Json release{{"counter", entry.counter.text()},
                 {"version", entry.version},
                 {"withdrawn", index.withdrawal_of(entry.counter) != nullptr},
                 {"permille", nullptr},
                 {"paused", false},
                 {"rings", Json::array()},
                 {"reason", ""}};
    if (rollout != rollouts.end()) {
      const auto digest = entry.digest();
      const auto item = std::ranges::find_if(
          rollout->second.items, [&](const auto& one) { return one.counter == entry.counter && one.entry == digest; });
      if (item != rollout->second.items.end()) {
        release["permille"] = item->permille;
        release["paused"] = item->paused;
        release["reason"] = item->reason;
        release["rings"] = item->rings;
      }
    }
    releases.push_back(std::move(release));
  }
  return {{"product", index.product},
          {"channel", index.channel},
          {"platform", index.platform},
          {"releases", std::move(releases)}};
}

Result<Json> describe_rollouts(Files& files, const SeederFolder& folder, const RepositoryView& view) {
  FolderSource source(files, {folder.repository()});
  Rollouts rollouts;
  if (const auto role = view.roles.find("rollout"); role != view.roles.end()) {
    UPSWARM_TRY(rollouts, read_rollouts(role->second, source));
  }
  Json list = Json::array();
  for (const auto& [role, file] : view.roles) {
    for (const auto& [path, target] : file.content.targets) {
      if (!path.starts_with("index/")) continue;
      const trust::TrustedTarget named{path, target, role};
      UPSWARM_TRY(const auto bytes, source.target(named.consistent_name(), trust::kLongestIndex));
      UPSWARM_TRY(const auto index, trust::parse_index(bytes, path));
      list.push_back(describe_releases(index, rollouts));
    }
  }
  return list;
}

}  // namespace

Result<Json> describe_repository(Files& files, const SeederFolder& folder, Database& database, Time now) {
  UPSWARM_TRY(const auto view, read_repository(files, folder.metadata()));
  UPSWARM_TRY(auto rollouts, describe_rollouts(files, folder, view));
  UPSWARM_TRY(const auto lives, read_lives(database, view, now));
  Json roles = Json::array();
  for (const auto& life : lives) roles.push_back(describe(life, now));
  UPSWARM_TRY(const auto counts, database.run("SELECT (SELECT count(*) FROM targets), (SELECT count(*) FROM torrents), "
                                              "(SELECT count(*) FROM reports)"));
  const auto& row = counts.at(0);
  UPSWARM_TRY(auto use, describe_use(database));
  return Json{{"version", UPSWARM_VERSION}, {"roles", std::move(roles)}, {"targets", row.integer(0)},
              {"torrents", row.integer(1)}, {"reports", row.integer(2)}, {"rollouts", std::move(rollouts)},
              {"packages", std::move(use)}};
}

std::string to_text(const Json& status) {
  std::string text;
  for (const auto& role : status.at("roles")) {
    text += role.at("role").get<std::string>() + " " + std::to_string(role.at("version").get<std::int64_t>()) +
            (role.at("expired").get<bool>() ? "  EXPIRED " : "  until ") + role.at("expires").get<std::string>();
    if (role.at("state") == "renew") {
      text += "  RENEW: " + std::to_string(role.at("days_left").get<std::int64_t>()) + " days left";
    }
    text += "\n";
  }
  if (status.at("roles").empty()) text += "the repository is empty\n";
  for (const auto* name : {"targets", "torrents", "reports"}) {
    text += std::string(name) + " " + std::to_string(status.at(name).get<std::int64_t>()) + "\n";
  }
  for (const auto& package : status.at("packages")) {
    text += package.at("path").get<std::string>() + "  " + to_string(Bytes{package.at("length").get<std::uint64_t>()}) +
            ", whole on " + std::to_string(package.at("machines").get<std::int64_t>()) + " machines, " +
            to_string(Bytes{package.at("http_bytes").get<std::uint64_t>()}) + " by HTTP\n";
  }
  for (const auto& index : status.at("rollouts")) {
    for (const auto& release : index.at("releases")) {
      const auto& permille = release.at("permille");
      auto state = permille.is_null() ? std::string("held: no rollout")
                                      : std::to_string(permille.get<std::int64_t>()) + " permille";
      for (const auto& ring : release.at("rings")) state += ", ring " + ring.get<std::string>();
      if (release.at("paused").get<bool>()) state += ", paused";
      if (release.at("withdrawn").get<bool>()) state = "withdrawn";
      if (!release.at("reason").get_ref<const std::string&>().empty())
        state += " (" + release.at("reason").get<std::string>() + ")";
      text += index.at("product").get<std::string>() + " " + index.at("channel").get<std::string>() + " " +
              index.at("platform").get<std::string>() + " " + release.at("version").get<std::string>() + "  " + state +
              "\n";
    }
  }
  return text;
}

}  // namespace upswarm::seeder
