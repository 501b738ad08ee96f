#include "tests/agent/signed_repository.hpp"

#include "protocol/trust/client.hpp"

namespace upswarm::tests {
namespace {

std::string text_of(const Json& value) { return value.dump(); }

trust::DelegatedRole delegation(const std::string& name, const trust::SigningKey& key, std::vector<std::string> paths,
                                bool terminating) {
  trust::DelegatedRole role;
  role.name = name;
  role.keys = {{key.id()}, 1};
  role.terminating = terminating;
  role.paths = std::move(paths);
  return role;
}

}  // namespace

SignedRepository::SignedRepository(FakeHttpClient& http, FakeClock& clock) : http_(http), clock_(clock) {
  first_root_ = trust::seal(trust::to_json(make_root()), {&root_});
  serve("1.root.json", first_root_);
}

trust::Root SignedRepository::make_root() const {
  trust::Root root;
  root.version = root_version_;
  root.expires = clock_.now() + std::chrono::days(365);
  root.consistent_snapshot = true;
  const std::map<std::string, const trust::SigningKey*> keys{
      {"root", &root_}, {"targets", &targets_}, {"snapshot", &snapshot_}, {"timestamp", &timestamp_}};
  for (const auto& [role, key] : keys) {
    root.keys[key->id()] = key->public_key();
    root.roles[role] = {{key->id()}, 1};
  }
  return root;
}

void SignedRepository::set_release(const std::vector<trust::Entry>& entries) {
  const trust::Index index{"app", "stable", "linux-x64", {1, 0}, entries};
  trust::Rollout rollout{"app", "stable", "linux-x64", {}};
  release_targets_.clear();
  for (const auto& entry : entries) {
    rollout.items.push_back({entry.counter, entry.digest(), 1000, false, ""});
    release_targets_[entry.full.path + ".torrent"] = "torrent of " + entry.full.path;
    for (const auto& delta : entry.deltas)
      release_targets_[delta.file.path + ".torrent"] = "torrent of " + delta.file.path;
  }
  release_targets_[trust::index_path("app", "stable", "linux-x64")] = text_of(trust::to_json(index));
  rollout_targets_ = {{trust::rollout_path("app", "stable", "linux-x64"), text_of(trust::to_json(rollout))}};
}

void SignedRepository::set_nightlies(const std::vector<trust::Entry>& entries) {
  const trust::Index index{"app", "stable", "linux-x64", {1, 0}, entries};
  nightly_targets_ = {{trust::preindex_path("app", "stable", "linux-x64"), text_of(trust::to_json(index))}};
}

void SignedRepository::set_other(std::chrono::hours lives) {
  const trust::Index index{"other", "stable", "linux-x64", {1, 0}, {}};
  other_targets_ = {{trust::index_path("other", "stable", "linux-x64"), text_of(trust::to_json(index))}};
  other_lives_ = lives;
}

void SignedRepository::rotate_root() {
  auto old = std::move(root_);
  root_ = trust::SigningKey::generate();
  ++root_version_;
  serve(std::to_string(root_version_) + ".root.json", trust::seal(trust::to_json(make_root()), {&old, &root_}));
}

trust::Targets SignedRepository::make_role(const Contents& contents, std::chrono::hours lives) const {
  trust::Targets role;
  role.version = version_;
  role.expires = clock_.now() + lives;
  for (const auto& [path, bytes] : contents) {
    role.targets[path] = {Bytes{bytes.size()}, sha256(bytes)};
    const trust::TrustedTarget target{path, role.targets[path], ""};
    http_.bodies[std::string(kSeeder) + "/targets/" + target.consistent_name()] = bytes;
  }
  return role;
}

void SignedRepository::publish(std::chrono::hours timestamp_lives) {
  ++version_;
  auto targets = make_role({});
  targets.delegations.keys = {{release_.id(), release_.public_key()}, {online_.id(), online_.public_key()}};
  targets.delegations.roles = {delegation("rel-app", release_, {"pkg/app/*/*/*", "index/app/*/*"}, false),
                               delegation("rollout", online_, {"rollout/*/*"}, true)};
  if (!nightly_targets_.empty()) {
    targets.delegations.keys[nightly_.id()] = nightly_.public_key();
    targets.delegations.roles.push_back(delegation("pre-app", nightly_, {"pre/app/*/*/*", "preindex/app/*/*"}, false));
  }
  if (!other_targets_.empty()) {
    targets.delegations.keys[other_.id()] = other_.public_key();
    targets.delegations.roles.push_back(delegation("rel-other", other_, {"pkg/other/*/*/*", "index/other/*/*"}, false));
  }
  trust::Snapshot snapshot{version_, clock_.now() + std::chrono::days(7), {}};
  const auto add = [&](const std::string& role, const trust::Targets& content, const trust::SigningKey& key) {
    const auto bytes = trust::seal(trust::to_json(content), {&key});
    serve(std::to_string(version_) + "." + role + ".json", bytes);
    snapshot.meta[role + ".json"] = {version_, Bytes{bytes.size()}, sha256(bytes)};
  };
  add("targets", targets, targets_);
  add("rel-app", make_role(release_targets_), release_);
  if (!nightly_targets_.empty()) add("pre-app", make_role(nightly_targets_), nightly_);
  if (!other_targets_.empty()) add("rel-other", make_role(other_targets_, other_lives_), other_);
  add("rollout", make_role(rollout_targets_, rollout_lives), online_);
  const auto snapshot_bytes = trust::seal(trust::to_json(snapshot), {&snapshot_});
  serve(std::to_string(version_) + ".snapshot.json", snapshot_bytes);
  const trust::Timestamp timestamp{
      version_, clock_.now() + timestamp_lives, {version_, Bytes{snapshot_bytes.size()}, sha256(snapshot_bytes)}};
  serve("timestamp.json", trust::seal(trust::to_json(timestamp), {&timestamp_}));
}

}  // namespace upswarm::tests
