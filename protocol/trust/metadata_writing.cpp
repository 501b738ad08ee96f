#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/metadata.hpp"

namespace upswarm::trust {
namespace {

Json common(const char* type, RoleVersion version, Time expires) {
  return {{"_type", type}, {"spec_version", kSpecVersion}, {"version", version}, {"expires", to_string(expires)}};
}

Json to_json(const std::map<KeyId, PublicKey>& keys) {
  auto json = Json::object();
  for (const auto& [id, key] : keys) json[id] = to_json(key);
  return json;
}

Json to_json(const RoleKeys& role) { return {{"keyids", role.key_ids}, {"threshold", role.threshold}}; }

Json to_json(const MetaFile& file) {
  Json json{{"version", file.version}};
  if (file.length) json["length"] = file.length->count;
  if (file.sha256) json["hashes"] = {{"sha256", file.sha256->hex()}};
  return json;
}

Json to_json(const DelegatedRole& role) {
  auto json = to_json(role.keys);
  json["name"] = role.name;
  json["terminating"] = role.terminating;
  if (role.path_hash_prefixes.empty()) json["paths"] = role.paths;
  else json["path_hash_prefixes"] = role.path_hash_prefixes;
  if (role.epoch != 1) json["x-upswarm-epoch"] = role.epoch;
  return json;
}

Json to_json(const Delegations& delegations) {
  if (const auto& bins = delegations.succinct) {
    auto succinct = to_json(bins->keys);
    succinct["bit_length"] = bins->bit_length;
    succinct["name_prefix"] = bins->name_prefix;
    return {{"keys", to_json(delegations.keys)}, {"succinct_roles", std::move(succinct)}};
  }
  auto roles = Json::array();
  for (const auto& role : delegations.roles) roles.push_back(to_json(role));
  return {{"keys", to_json(delegations.keys)}, {"roles", std::move(roles)}};
}

}  // namespace

Json to_json(const Root& root) {
  auto json = common("root", root.version, root.expires);
  json["consistent_snapshot"] = root.consistent_snapshot;
  json["keys"] = to_json(root.keys);
  auto& roles = json["roles"] = Json::object();
  for (const auto& [name, role] : root.roles) roles[name] = to_json(role);
  return json;
}

Json to_json(const Timestamp& timestamp) {
  auto json = common("timestamp", timestamp.version, timestamp.expires);
  json["meta"] = {{"snapshot.json", to_json(timestamp.snapshot)}};
  return json;
}

Json to_json(const Snapshot& snapshot) {
  auto json = common("snapshot", snapshot.version, snapshot.expires);
  auto& meta = json["meta"] = Json::object();
  for (const auto& [name, file] : snapshot.meta) meta[name] = to_json(file);
  return json;
}

Json to_json(const Targets& targets) {
  auto json = common("targets", targets.version, targets.expires);
  auto& files = json["targets"] = Json::object();
  for (const auto& [path, file] : targets.targets) {
    const Json hashes = file.sha512 ? Json{{"sha512", file.sha512->hex()}} : Json{{"sha256", file.sha256.hex()}};
    files[path] = {{"length", file.length.count}, {"hashes", hashes}};
  }
  if (!targets.delegations.keys.empty() || !targets.delegations.roles.empty() || targets.delegations.succinct) {
    json["delegations"] = to_json(targets.delegations);
  }
  return json;
}

std::string seal(const Json& content, const std::vector<const SigningKey*>& keys) {
  const auto canonical = to_canonical(content);
  auto signatures = Json::array();
  for (const auto* const key : keys)
    signatures.push_back({{"keyid", key->id()}, {"sig", key->sign(as_bytes(canonical))}});
  // Not to_canonical: a line break inside a PEM key must be escaped, or nobody could read the file.
  return to_text(Json{{"signatures", std::move(signatures)}, {"signed", content}});
}

}  // namespace upswarm::trust
