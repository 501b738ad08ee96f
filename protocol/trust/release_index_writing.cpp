#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::trust {
namespace {

constexpr int kFormat = 1;

Json to_json(const ReleaseCounter& counter) { return {{"epoch", counter.epoch}, {"n", counter.n}}; }

Json to_json(const PackageFile& file) {
  return {{"path", file.path},
          {"length", file.length.count},
          {"sha256", file.sha256.hex()},
          {"info_hash", file.info_hash},
          {"piece_length", file.piece_length.count}};
}

Json to_json(const DeltaFile& delta) {
  auto json = to_json(delta.file);
  json["from_version"] = delta.from_version;
  json["from_content"] = delta.from_content.hex();
  return json;
}

Json to_json(const Hooks& hooks) {
  auto json = Json::object();
  if (hooks.before) json["before"] = to_json(*hooks.before);
  if (hooks.after) json["after"] = to_json(*hooks.after);
  if (hooks.rollback) json["rollback"] = to_json(*hooks.rollback);
  return json;
}

Json to_json(const HealthCheck& health) {
  auto json = Json::object();
  if (health.stable.count() > 0) json["stable"] = duration_text(health.stable);
  switch (health.kind) {
    case HealthCheck::Kind::none: json["kind"] = "none"; return json;
    case HealthCheck::Kind::command:
      json["kind"] = "command";
      json["command"] = to_json(health.command);
      break;
    case HealthCheck::Kind::confirm:
      json["kind"] = "confirm";
      json["account"] = health.account;
      if (health.executable) json["executable"] = true;
      break;
    case HealthCheck::Kind::http:
      json["kind"] = "http";
      json["port"] = health.port;
      json["path"] = health.path;
      json["status"] = health.status;
      json["account"] = health.account;
      break;
  }
  json["within"] = duration_text(health.within);
  json["every"] = duration_text(health.every);
  return json;
}

}  // namespace

Json to_json(const Entry& entry) {
  if (!entry.unread.is_null()) return entry.unread;
  auto deltas = Json::array();
  for (const auto& delta : entry.deltas) deltas.push_back(to_json(delta));
  Json json{{"counter", to_json(entry.counter)},
            {"version", entry.version},
            {"content", entry.content.hex()},
            {"full", to_json(entry.full)},
            {"index_length", entry.index_length.count},
            {"index_digest", entry.index_digest.hex()},
            {"deltas", std::move(deltas)},
            {"layout", entry.layout},
            {"hooks", to_json(entry.hooks)},
            {"health", to_json(entry.health)},
            {"services", entry.services},
            {"urgent", entry.urgent},
            {"changelog", entry.changelog},
            {"minimum_version", entry.minimum_version},
            {"salt", entry.salt},
            {"max_hold_days", entry.max_hold_days},
            {"max_defer_days", entry.max_defer_days}};
  if (entry.not_before) json["not_before"] = to_string(*entry.not_before);
  if (entry.chain_across_majors) json["chain_across_majors"] = true;
  if (entry.foreign) json["foreign"] = to_json(*entry.foreign);
  if (!entry.requirements.empty()) json["requires"] = entry.requirements;
  return json;
}

Sha256 Entry::digest() const { return sha256(to_canonical(to_json(*this))); }

Json to_json(const Index& index) {
  auto entries = Json::array();
  for (const auto& entry : index.entries) entries.push_back(to_json(entry));
  Json json{{"_type", "upswarm-index"},     {"format", kFormat},          {"product", index.product},
            {"channel", index.channel},     {"platform", index.platform}, {"floor", to_json(index.floor)},
            {"entries", std::move(entries)}};
  for (const auto& withdrawal : index.withdrawn) {
    Json one{{"counter", to_json(withdrawal.counter)}};
    if (withdrawal.go_back_to) one["go_back_to"] = to_json(*withdrawal.go_back_to);
    if (!withdrawal.reason.empty()) one["reason"] = withdrawal.reason;
    json["withdrawn"].push_back(std::move(one));
  }
  return json;
}

Json to_json(const Rollout& rollout) {
  auto items = Json::array();
  for (const auto& item : rollout.items) {
    items.push_back({{"counter", to_json(item.counter)},
                     {"entry", item.entry.hex()},
                     {"permille", item.permille},
                     {"paused", item.paused},
                     {"reason", item.reason}});
    if (!item.rings.empty()) items.back()["rings"] = item.rings;
  }
  return {{"_type", "upswarm-rollout"},   {"format", kFormat},
          {"product", rollout.product},   {"channel", rollout.channel},
          {"platform", rollout.platform}, {"items", std::move(items)}};
}

std::string index_path(const std::string& product, const std::string& channel, const std::string& platform) {
  return "index/" + product + "/" + channel + "/" + platform + ".json";
}

std::string preindex_path(const std::string& product, const std::string& channel, const std::string& platform) {
  return "pre" + index_path(product, channel, platform);
}

std::string rollout_path(const std::string& product, const std::string& channel, const std::string& platform) {
  return "rollout/" + product + "/" + channel + "." + platform + ".json";
}

}  // namespace upswarm::trust
