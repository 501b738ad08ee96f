#include "tests/seeder/seeder_world.hpp"

#include <gtest/gtest.h>

#include "protocol/base/hex.hpp"
#include "seeder/bencode.hpp"
#include "seeder/migrations.hpp"
#include "seeder/names.hpp"
#include "seeder/torrent_file.hpp"

namespace upswarm::tests {

std::string torrent_of(const std::string& name, std::size_t length, std::size_t piece_length) {
  using seeder::bencoded;
  const auto pieces = (length + piece_length - 1) / piece_length;
  return seeder::bencoded_dictionary(
      {{"info", seeder::bencoded_dictionary({{"length", bencoded(static_cast<std::int64_t>(length))},
                                             {"name", bencoded(name)},
                                             {"piece length", bencoded(static_cast<std::int64_t>(piece_length))},
                                             {"pieces", bencoded(std::string(pieces * 20, 'h'))}})}});
}

SeederWorld::SeederWorld() : place{folder.path()} {
  EXPECT_TRUE(seeder::make_seeder_folder(system_files(), place));
  root.version = 1;
  root.expires = clock.now() + std::chrono::hours(24 * 365);
  root.consistent_snapshot = true;
  for (const auto& [role, key] : {std::pair{"root", &root_key}, std::pair{"targets", &targets_key},
                                  std::pair{"timestamp", &timestamp_key}, std::pair{"snapshot", &snapshot_key}}) {
    root.keys[key->id()] = key->public_key();
    root.roles[role] = {.key_ids = {key->id()}, .threshold = 1};
  }
  targets.version = 1;
  targets.expires = clock.now() + std::chrono::hours(24 * 180);
  targets.delegations.keys = {{release_key.id(), release_key.public_key()},
                              {rollout_key.id(), rollout_key.public_key()}};
  targets.delegations.roles = {{.name = "rel-app",
                                .keys = {{release_key.id()}, 1},
                                .terminating = false,
                                .paths = {"pkg/app/*/*/*", "index/app/*/*"},
                                .path_hash_prefixes = {}},
                               {.name = "rollout",
                                .keys = {{rollout_key.id()}, 1},
                                .terminating = true,
                                .paths = {"rollout/*/*"},
                                .path_hash_prefixes = {}}};
  release.version = 1;
  release.expires = targets.expires;
  index = {.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 0}, .entries = {}};
  write_online_keys();
  start();
}

void SeederWorld::write_online_keys() {
  for (const auto& [role, key] : {std::pair{"timestamp", &timestamp_key}, std::pair{"snapshot", &snapshot_key},
                                  std::pair{"rollout", &rollout_key}}) {
    folder.write(std::string("keys/") + role + ".key",
                 Json{{"format", 1}, {"type", "ed25519"}, {"seed", to_hex(key->seed())}}.dump(), 0600);
  }
}

void SeederWorld::stop() {
  incoming_.reset();
  database_.reset();
}

seeder::Incoming& SeederWorld::start() {
  stop();
  auto opened = Database::open(place.database(), seeder::kMigrations);
  EXPECT_TRUE(opened) << opened.error().message();
  database_ = std::make_unique<Database>(std::move(*opened));
  incoming_ = std::make_unique<seeder::Incoming>(system_files(), place, place.keys(), *database_, clock);
  const auto started = incoming_->start();
  EXPECT_TRUE(started) << started.error().message();
  return *incoming_;
}

std::string SeederWorld::package_path(const std::string& version) {
  return "pkg/app/linux-x64/" + version + "/app-" + version + ".upk";
}

void SeederWorld::add_target(trust::Targets& role, const std::string& path, const std::string& content) {
  role.targets[path] = {.length = Bytes{content.size()}, .sha256 = sha256(content)};
  new_files[path] = content;
}

void SeederWorld::resign_index() {
  add_target(release, trust::index_path("app", "stable", "linux-x64"), trust::to_json(index).dump());
}

trust::Entry SeederWorld::add_package(trust::Targets& role, const std::string& path, const std::string& version,
                                      const std::string& content) {
  const auto torrent = torrent_of("app-" + version + ".upk", content.size());
  const auto facts = seeder::read_torrent(torrent, "test");
  EXPECT_TRUE(facts) << facts.error().message();
  trust::Entry entry;
  entry.version = version;
  entry.content = sha256("tree of " + version);
  entry.full = {.path = path,
                .length = Bytes{content.size()},
                .sha256 = sha256(content),
                .info_hash = facts->info_hash,
                .piece_length = facts->piece_length};
  entry.index_length = 5_B;
  entry.index_digest = sha256("chunks of " + version);
  entry.salt = "salt";
  add_target(role, path, content);
  add_target(role, path + ".torrent", torrent);
  ++role.version;
  return entry;
}

const trust::Entry& SeederWorld::add_release(const std::string& version, const std::string& content) {
  auto entry = add_package(release, package_path(version), version, content);
  entry.counter = {1, static_cast<std::int64_t>(index.entries.size()) + 1};
  index.entries.push_back(std::move(entry));
  resign_index();
  return index.entries.back();
}

const trust::Entry& SeederWorld::add_nightly(const std::string& version, const std::string& content,
                                             trust::ReleaseCounter counter) {
  if (nightly.version == 0) {
    nightly.expires = targets.expires;
    nightlies = {.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 0}, .entries = {}};
    targets.delegations.keys[nightly_key.id()] = nightly_key.public_key();
    targets.delegations.roles.push_back({.name = "pre-app",
                                         .keys = {{nightly_key.id()}, 1},
                                         .terminating = false,
                                         .paths = {"pre/app/*/*/*", "preindex/app/*/*"},
                                         .path_hash_prefixes = {}});
    ++targets.version;
  }
  auto entry = add_package(nightly, "pre/app/linux-x64/" + version + "/app-" + version + ".upk", version, content);
  entry.counter = counter;
  nightlies.entries.push_back(std::move(entry));
  add_target(nightly, trust::preindex_path("app", "stable", "linux-x64"), trust::to_json(nightlies).dump());
  return nightlies.entries.back();
}

seeder::RolloutWish SeederWorld::wish(std::size_t n, std::int64_t permille) const {
  const auto& entry = index.entries.at(n);
  return {"app",
          "stable",
          "linux-x64",
          {.counter = entry.counter, .entry = entry.digest(), .permille = permille, .paused = false, .reason = ""}};
}

std::string SeederWorld::stored_name(const std::string& path) const {
  const auto found = release.targets.find(path);
  return trust::TrustedTarget{path, found == release.targets.end() ? nightly.targets.at(path) : found->second, ""}
      .consistent_name();
}

Path SeederWorld::write_bundle(const std::string& name, const std::vector<seeder::RolloutWish>& wishes) {
  const auto inside = "incoming/" + name + "/";
  folder.write(inside + "bundle.json", seeder::write_bundle({wishes}));
  folder.write(inside + "metadata/" + seeder::versioned_name("root", root.version),
               trust::seal(trust::to_json(root), {&root_key}));
  folder.write(inside + "metadata/" + seeder::versioned_name("targets", targets.version),
               trust::seal(trust::to_json(targets), {&targets_key}));
  folder.write(inside + "metadata/" + seeder::versioned_name("rel-app", release.version),
               trust::seal(trust::to_json(release), {&release_key}));
  if (nightly.version > 0) {
    folder.write(inside + "metadata/" + seeder::versioned_name("pre-app", nightly.version),
                 trust::seal(trust::to_json(nightly), {&nightly_key}));
  }
  for (const auto& [path, content] : new_files) folder.write(inside + "targets/" + stored_name(path), content);
  new_files.clear();
  return place.incoming() / name;
}

bool SeederWorld::is_there(const std::string& path) const {
  return exists(system_files(), folder / path).value_or(false);
}

trust::Timestamp SeederWorld::timestamp() const {
  const auto envelope = trust::parse_envelope(metadata("timestamp.json"), "timestamp", trust::kLongestTimestamp);
  EXPECT_TRUE(envelope);
  return trust::parse_timestamp(*envelope).value_or({});
}

seeder::RepositoryView SeederWorld::view() const {
  auto view = seeder::read_repository(system_files(), place.metadata());
  EXPECT_TRUE(view) << view.error().message();
  return std::move(view).value_or({});
}

}  // namespace upswarm::tests
