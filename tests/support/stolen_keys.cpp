#include "tests/support/stolen_keys.hpp"

namespace upswarm::tests {

StolenKeys::StolenKeys() {
  simulator.root.expires = clock.now() + kRootLife;
  simulator.root.version = 0;
  simulator.publish_root();
  simulator.delegate("rollout", {"rollout/*/*"}, true);
  index.entries = {make_entry("1.0.0", {1, 1}), make_entry("1.1.0", {1, 2})};
  filter = {item_of(index.entries[0], 1000)};
  put_index();
  put_filter();
  sign_offline();
}

trust::Entry StolenKeys::make_entry(const std::string& version, const trust::ReleaseCounter& counter) {
  trust::Entry entry;
  entry.counter = counter;
  entry.version = version;
  entry.content = sha256("tree of " + version);
  entry.full = {.path = "pkg/app/linux-x64/" + version + "/app.upk",
                .length = 100_B,
                .sha256 = sha256("package of " + version),
                .info_hash = std::string(40, 'a'),
                .piece_length = 16_KiB};
  entry.index_length = 10_B;
  entry.index_digest = sha256("chunks of " + version);
  entry.salt = "salt";
  return entry;
}

trust::RolloutItem StolenKeys::item_of(const trust::Entry& entry, std::int64_t permille) const {
  trust::RolloutItem item;
  item.counter = entry.counter;
  item.entry = entry.digest();
  item.permille = permille;
  return item;
}

void StolenKeys::put_index() {
  simulator.add_target("rel-app", trust::index_path("app", "stable", "linux-x64"), trust::to_json(index).dump());
}

void StolenKeys::put_nightlies() {
  simulator.add_target("pre-app", trust::preindex_path("app", "stable", "linux-x64"), trust::to_json(nightlies).dump());
}

void StolenKeys::put_filter() {
  const trust::Rollout rollout{"app", "stable", "linux-x64", filter};
  simulator.add_target("rollout", trust::rollout_path("app", "stable", "linux-x64"), trust::to_json(rollout).dump());
}

void StolenKeys::sign_offline() {
  simulator.targets.expires = simulator.delegated.at("rel-app").expires = clock.now() + kOfflineLife;
  simulator.snapshot.expires = simulator.delegated.at("rollout").expires = clock.now() + kOnlineLife;
  simulator.timestamp.expires = clock.now() + kTimestampLife;
  simulator.publish({"targets", "rel-app", "rollout"});
}

void StolenKeys::sign_nightlies(std::chrono::seconds life) {
  simulator.delegated.at("pre-app").expires = clock.now() + life;
  simulator.publish({"pre-app"});
  sign_online();
}

void StolenKeys::sign_online() {
  simulator.snapshot.expires = simulator.delegated.at("rollout").expires = clock.now() + kOnlineLife;
  simulator.timestamp.expires = clock.now() + kTimestampLife;
  simulator.publish({"rollout"});
}

void StolenKeys::sign_timestamp() {
  simulator.timestamp.expires = clock.now() + kTimestampLife;
  ++simulator.timestamp.version;
  simulator.publish_timestamp();
}

StolenKeys::Machine::Machine(StolenKeys& world, const std::string& name)
    : world_(world), store_(std::move(*trust::TrustStore::open(system_files(), world.folder / name))) {
  EXPECT_TRUE(store_.place_first_root(world.simulator.files.at("metadata/1.root.json"), trust::ed25519_verifier()));
  facts.machine_id = name;
  facts.installed_version = "1.0.0";
  facts.installed = facts.highest_committed = trust::ReleaseCounter{1, 1};
}

/// As the installer's TrustGate does it.
Result<trust::Decision> StolenKeys::Machine::decide() {
  trust::TrustClient client(store_, world_.simulator, trust::ed25519_verifier(), world_.clock);
  UPSWARM_CHECK(client.refresh());
  const auto path = trust::index_path("app", "stable", "linux-x64");
  UPSWARM_TRY(const auto target, client.find(path));
  UPSWARM_TRY(const auto bytes, client.fetch(path, trust::kLongestIndex));
  UPSWARM_TRY(const auto signed_index, trust::parse_index(bytes, path));
  std::optional<trust::Rollout> rollout;
  const auto rollout_bytes = client.fetch(trust::rollout_path("app", "stable", "linux-x64"), trust::kLongestRollout);
  if (rollout_bytes) {
    if (auto parsed = trust::parse_rollout(*rollout_bytes, "rollout")) rollout = *std::move(parsed);
  }
  facts.epoch = target.epoch;
  facts.now = client.now();
  if (!facts.accepts_prerelease) return trust::decide(signed_index, rollout, facts);
  const auto pre_path = trust::preindex_path("app", "stable", "linux-x64");
  const auto pre_target = client.find(pre_path);
  const auto pre_bytes = client.fetch(pre_path, trust::kLongestIndex);
  if (!pre_target || !pre_bytes) return trust::decide(signed_index, rollout, facts);
  UPSWARM_TRY(const auto signed_nightlies, trust::parse_index(*pre_bytes, pre_path));
  return trust::decide_with_nightlies(signed_index, signed_nightlies, rollout, facts, pre_target->epoch);
}

std::string StolenKeys::Machine::asks() {
  const auto decision = decide();
  if (!decision)
    return "refused: " + (decision.error().reason.empty() ? decision.error().message() : decision.error().reason);
  switch (decision->kind) {
    case trust::Decision::Kind::wanted: return "wanted " + decision->entry->version;
    case trust::Decision::Kind::current: return "current";
    case trust::Decision::Kind::held: return decision->reason;
  }
  return "";
}

}  // namespace upswarm::tests
