#include "tests/support/repository_simulator.hpp"

#include <algorithm>

namespace upswarm::tests {
namespace {

constexpr auto kMonth = std::chrono::days(30);

}  // namespace

RepositorySimulator::RepositorySimulator(const FakeClock& clock) : clock_(clock) {
  const auto expires = clock_.time + kMonth;
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) add_key(role);
  root.version = 0;
  root.consistent_snapshot = true;
  root.expires = timestamp.expires = snapshot.expires = targets.expires = expires;
  publish_root();
  delegate("rel-app", {"pkg/app/*/*/*", "index/app/*/*"});
  add_target("rel-app", "index/app/stable/linux-x64.json", "the index");
  publish({"targets", "rel-app"});
}

void RepositorySimulator::add_key(const std::string& role) {
  auto key = trust::SigningKey::generate();
  root.keys[key.id()] = key.public_key();
  root.roles[role] = {{key.id()}, 1};
  keys.insert_or_assign(role, std::move(key));
}

void RepositorySimulator::rotate_key(const std::string& role) {
  root.keys.erase(keys.at(role).id());
  if (role == "root") retired_.push_back(std::move(keys.at(role)));
  add_key(role);
}

void RepositorySimulator::delegate(const std::string& role, std::vector<std::string> paths, bool terminating) {
  auto key = trust::SigningKey::generate();
  targets.delegations.keys[key.id()] = key.public_key();
  targets.delegations.roles.push_back({role, {{key.id()}, 1}, terminating, std::move(paths), {}});
  keys.insert_or_assign(role, std::move(key));
  delegated[role].expires = clock_.time + kMonth;
}

void RepositorySimulator::add_target(const std::string& role, const std::string& path, const std::string& content) {
  auto& list = role == "targets" ? targets : delegated.at(role);
  list.targets[path] = {Bytes{content.size()}, sha256(content)};
  files["targets/" + trust::TrustedTarget{path, list.targets[path], role}.consistent_name()] = content;
}

void RepositorySimulator::publish_root() {
  ++root.version;
  std::vector<const trust::SigningKey*> signers{&keys.at("root")};
  for (const auto& key : retired_) signers.push_back(&key);
  files["metadata/" + std::to_string(root.version) + ".root.json"] = trust::seal(trust::to_json(root), signers);
}

void RepositorySimulator::publish(const std::vector<std::string>& roles) {
  for (const auto& role : roles) {
    auto& list = role == "targets" ? targets : delegated.at(role);
    ++list.version;
    files["metadata/" + std::to_string(list.version) + "." + role + ".json"] =
        trust::seal(trust::to_json(list), {&keys.at(role)});
    snapshot.meta[role + ".json"] = {list.version, {}, {}};
  }
  ++snapshot.version;
  publish_snapshot();
}

void RepositorySimulator::publish_snapshot() {
  const auto bytes = trust::seal(trust::to_json(snapshot), {&keys.at("snapshot")});
  files["metadata/" + std::to_string(snapshot.version) + ".snapshot.json"] = bytes;
  timestamp.snapshot = {snapshot.version, Bytes{bytes.size()}, sha256(bytes)};
  ++timestamp.version;
  publish_timestamp();
}

void RepositorySimulator::publish_timestamp() {
  files["metadata/timestamp.json"] = trust::seal(trust::to_json(timestamp), {&keys.at("timestamp")});
}

Result<std::string> RepositorySimulator::metadata(const std::string& name, Bytes longest) {
  return get("metadata/" + name, longest);
}
Result<std::string> RepositorySimulator::target(const std::string& name, Bytes longest) {
  return get("targets/" + name, longest);
}

Result<std::string> RepositorySimulator::get(const std::string& name, Bytes longest) {
  requests.push_back(name);
  if (const auto failure = failures.find(name); failure != failures.end()) return failure->second;
  const auto found = files.find(name);
  if (found == files.end()) return Error{ErrorKind::not_found, name, "404"};
  if (found->second.size() > longest.count) return Error{ErrorKind::corrupt, name, "too long", "too_long"};
  return found->second;
}

}  // namespace upswarm::tests
