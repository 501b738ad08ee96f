#include "seeder/publish/status.hpp"

#include "seeder/publish/key_list.hpp"

namespace upswarm::publish {
namespace {

Json index_json(const trust::Index& index, bool is_nightly) {
  Json releases = Json::array();
  for (const auto& entry : index.entries) {
    Json deltas = Json::array();
    for (const auto& delta : entry.deltas)
      deltas.push_back({{"from", delta.from_version}, {"path", delta.file.path}, {"length", delta.file.length.count}});
    releases.push_back({{"version", entry.version},
                        {"counter", entry.counter.text()},
                        {"path", entry.full.path},
                        {"length", entry.full.length.count},
                        {"deltas", std::move(deltas)},
                        {"urgent", entry.urgent},
                        {"withdrawn", index.withdrawal_of(entry.counter) != nullptr}});
  }
  return {{"channel", index.channel},
          {"platform", index.platform},
          {"nightly", is_nightly},
          {"floor", index.floor.text()},
          {"releases", std::move(releases)}};
}

std::string words(const Json& object, const char* key) { return object.at(key).get<std::string>(); }

std::string length_words(const Json& object) { return to_string(Bytes{object.at("length").get<std::uint64_t>()}); }

/// "" where no seeder was asked.
std::string use_words(const Json& package) {
  const auto used = package.find("used");
  if (used == package.end()) return "";
  return " (whole on " + std::to_string(used->at("machines").get<std::int64_t>()) + " machines, " +
         to_string(Bytes{used->at("http_bytes").get<std::uint64_t>()}) + " by HTTP)";
}

std::string release_text(const Json& release) {
  std::string text = "    " + words(release, "version") + "  counter " + words(release, "counter") + "  " +
                     length_words(release) + use_words(release);
  for (const auto& delta : release.at("deltas"))
    text += ", from " + words(delta, "from") + " " + length_words(delta) + use_words(delta);
  return text + (release.at("urgent").get<bool>() ? "  urgent" : "") +
         (release.at("withdrawn").get<bool>() ? "  withdrawn" : "") + "\n";
}

}  // namespace

Result<Json> status_of(const Repository& repository, const Clock& clock) {
  Json products = Json::array();
  for (const auto& [name, product] : repository.products()) {
    Json indexes = Json::array();
    for (const auto& [path, index] : product.indexes) indexes.push_back(index_json(index, false));
    if (const auto nightlies = repository.prereleases().find(name); nightlies != repository.prereleases().end()) {
      for (const auto& [path, index] : nightlies->second.indexes) indexes.push_back(index_json(index, true));
    }
    products.push_back({{"product", name}, {"indexes", std::move(indexes)}});
  }
  UPSWARM_TRY(const auto outgoing, repository.outgoing());
  UPSWARM_TRY(const auto changes, repository.changes());
  return Json{{"roles", offline_roles(repository, clock)},
              {"products", std::move(products)},
              {"changes", changes},
              {"outgoing", outgoing}};
}

std::string status_text(const Json& status) {
  std::string text = "roles\n";
  for (const auto& role : status.at("roles")) {
    text += "  " + words(role, "role") + "  version " + std::to_string(role.at("version").get<std::int64_t>());
    text += "  " + expiry_text(role) + "\n";
  }
  for (const auto& product : status.at("products")) {
    text += "product " + words(product, "product") + "\n";
    if (product.at("indexes").empty()) text += "  no releases yet\n";
    for (const auto& index : product.at("indexes")) {
      text += "  " + words(index, "channel") + " " + words(index, "platform") +
              (index.at("nightly").get<bool>() ? "  nightly builds" : "") + "  floor " + words(index, "floor") + "\n";
      for (const auto& release : index.at("releases")) text += release_text(release);
    }
  }
  const auto& changes = status.at("changes");
  if (!changes.empty()) text += "waiting for signatures\n";
  for (const auto& name : changes) text += "  changes/" + name.get<std::string>() + "\n";
  const auto& outgoing = status.at("outgoing");
  if (!outgoing.empty()) text += "not handed over yet\n";
  for (const auto& name : outgoing) text += "  " + name.get<std::string>() + "\n";
  return text;
}

}  // namespace upswarm::publish
