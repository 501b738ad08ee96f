#include "seeder/incoming.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class IncomingTest : public testing::Test {
 protected:
  /// Publishes 1.0.0 to everybody.
  void publish_first() {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001", {world.wish(0, 1000)});
    const auto count = world.incoming().poll();
    ASSERT_TRUE(count) << count.error().message();
    ASSERT_EQ(count->taken, 1) << reason("0001");
  }

  std::string reason(const std::string& name) {
    return world.is_there("rejected/" + name) ? world.folder.read("rejected/" + name + "/reason.txt")
                                              : "it was not rejected";
  }

  /// Expects the bundle to be refused for `why`, and nothing that clients see to change.
  void expect_refused(const std::string& name, const std::string& why) {
    const auto before = world.is_there("repository/metadata/timestamp.json") ? world.metadata("timestamp.json") : "";
    const auto count = world.incoming().poll();
    ASSERT_TRUE(count) << count.error().message();
    EXPECT_EQ(count->refused, 1);
    EXPECT_FALSE(world.is_there("incoming/" + name));
    EXPECT_NE(reason(name).find(why), std::string::npos) << reason(name);
    if (!before.empty()) {
      EXPECT_EQ(world.metadata("timestamp.json"), before);
    }
  }

  /// What a client that starts from the first root finds.
  Result<std::string> client_finds(const std::string& path) {
    FolderSource source(system_files(), {world.place.repository()});
    UPSWARM_TRY(auto store,
                trust::TrustStore::open(system_files(), world.folder / ("client" + std::to_string(++clients_))));
    UPSWARM_CHECK(store.place_first_root(world.metadata("1.root.json"), trust::ed25519_verifier()));
    trust::TrustClient client(store, source, trust::ed25519_verifier(), world.clock);
    UPSWARM_CHECK(client.refresh());
    return client.fetch(path, 1_MiB);
  }

  tests::SeederWorld world;
  int clients_ = 0;
};

TEST_F(IncomingTest, TakesAGoodBundleIn) {
  publish_first();
  EXPECT_FALSE(world.is_there("incoming/0001"));
  const auto package = client_finds(world.package_path("1.0.0"));
  ASSERT_TRUE(package) << package.error().message();
  EXPECT_EQ(*package, "the first package");
  const auto rollout = client_finds("rollout/app/stable.linux-x64.json");
  ASSERT_TRUE(rollout) << rollout.error().message();
  const auto filter = trust::parse_rollout(*rollout, "rollout");
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->items.at(0).permille, 1000);
  EXPECT_EQ(filter->items.at(0).entry, world.index.entries[0].digest());
}

TEST_F(IncomingTest, WritesTheCatalogue) {
  publish_first();
  const auto torrents = world.database().run("SELECT info_hash, path FROM torrents");
  ASSERT_EQ(torrents->size(), 1U);
  EXPECT_EQ(torrents->at(0).text(0), world.index.entries[0].full.info_hash);
  EXPECT_EQ(torrents->at(0).text(1), world.package_path("1.0.0"));
}

TEST_F(IncomingTest, TakesAReleaseOnTopOfAnother) {
  publish_first();
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002", {world.wish(1, 50)});
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0002");
  EXPECT_EQ(client_finds(world.package_path("1.1.0")).value(), "the second package");
  EXPECT_EQ(client_finds(world.package_path("1.0.0")).value(), "the first package");
  const auto filter = trust::parse_rollout(client_finds("rollout/app/stable.linux-x64.json").value(), "rollout");
  EXPECT_EQ(filter->items.size(), 2U);
}

TEST_F(IncomingTest, PassesOverWhatIsStillBeingWritten) {
  world.add_release("1.0.0", "the first package");
  world.write_bundle("0001.part");
  EXPECT_EQ(world.incoming().poll()->taken, 0);
  EXPECT_TRUE(world.is_there("incoming/0001.part/bundle.json"));
}

TEST_F(IncomingTest, RefusesATamperedTarget) {
  world.add_release("1.0.0", "the first package");
  const auto name = world.stored_name(world.package_path("1.0.0"));
  world.write_bundle("0001");
  world.folder.write("incoming/0001/targets/" + name, "the worst package");
  expect_refused("0001", "app-1.0.0.upk: its SHA-256 is not the signed one");
  EXPECT_TRUE(world.is_there("rejected/0001/targets/" + name));
  EXPECT_FALSE(world.is_there("repository/targets/" + name));
}

TEST_F(IncomingTest, RefusesAMissingTarget) {
  world.add_release("1.0.0", "the first package");
  world.new_files.erase(world.package_path("1.0.0"));
  world.write_bundle("0001");
  expect_refused("0001", "neither in the bundle nor in the repository");
}

TEST_F(IncomingTest, RefusesAWrongSignature) {
  publish_first();
  world.release_key = trust::SigningKey::generate();
  world.add_release("1.1.0", "evil");
  world.write_bundle("0002");
  expect_refused("0002", "wrong_signature");
}

TEST_F(IncomingTest, RefusesAWronglySignedRoleWithoutTargets) {
  world.release_key = trust::SigningKey::generate();
  world.write_bundle("0001");
  expect_refused("0001", "wrong_signature");
}

TEST_F(IncomingTest, RefusesAnOlderVersion) {
  publish_first();
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  world.release.version = 1;
  world.write_bundle("0003");
  expect_refused("0003", "rollback");
}

TEST_F(IncomingTest, RefusesAnotherFileOfAVersionInUse) {
  publish_first();
  world.release.expires += std::chrono::hours(1);
  world.write_bundle("0002");
  expect_refused("0002", "conflict");
}

TEST_F(IncomingTest, RefusesExpiredMetadata) {
  world.add_release("1.0.0", "the first package");
  world.release.expires = world.clock.now() - std::chrono::hours(1);
  world.write_bundle("0001");
  expect_refused("0001", "expired");
}

TEST_F(IncomingTest, RefusesATargetOutsideOfTheDelegation) {
  publish_first();
  const std::string content = "not mine";
  world.release.targets["pkg/other/linux-x64/1.0.0/x.upk"] = {.length = Bytes{content.size()},
                                                              .sha256 = sha256(content)};
  world.new_files["pkg/other/linux-x64/1.0.0/x.upk"] = content;
  ++world.release.version;
  world.write_bundle("0002");
  expect_refused("0002", "delegation");
}

TEST_F(IncomingTest, RefusesFilesThatNobodySigned) {
  world.add_release("1.0.0", "the first package");
  world.write_bundle("0001");
  world.folder.write("incoming/0001/targets/pkg/app/linux-x64/1.0.0/" + std::string(64, 'a') + ".x", "stowaway");
  expect_refused("0001", "not_signed");
}

TEST_F(IncomingTest, RefusesStrangeFilesAndLinks) {
  world.write_bundle("0001");
  world.folder.write("incoming/0001/README", "hello");
  expect_refused("0001", "no such file belongs into a bundle");
  const auto second = world.write_bundle("0002");
  std::filesystem::create_symlink("/etc/passwd", second / "metadata" / "9.rel-x.json");
  expect_refused("0002", "not a regular file");
  const auto third = world.write_bundle("0003");
  std::filesystem::remove(third / "bundle.json");
  expect_refused("0003", "bundle.json");
  world.write_bundle("0004");
  world.folder.write("incoming/0004/metadata/9.timestamp.json", "{}");
  expect_refused("0004", "no such file belongs into a bundle");
}

TEST_F(IncomingTest, RefusesAnIndexThatNamesAnotherTorrent) {
  world.add_release("1.0.0", "the first package");
  world.index.entries[0].full.info_hash = std::string(40, '0');
  const auto path = trust::index_path("app", "stable", "linux-x64");
  const auto bytes = trust::to_json(world.index).dump();
  world.release.targets[path] = {.length = Bytes{bytes.size()}, .sha256 = sha256(bytes)};
  world.new_files[path] = bytes;
  world.write_bundle("0001");
  expect_refused("0001", "info-hash");
}

TEST_F(IncomingTest, RefusesAWishForAnotherEntry) {
  world.add_release("1.0.0", "the first package");
  auto wish = world.wish(0, 1000);
  wish.item.entry = sha256("something else");
  world.write_bundle("0001", {wish});
  expect_refused("0001", "entry");
}

TEST_F(IncomingTest, LetsAnUploadKeyGiveAFirstFilterOnly) {
  publish_first();
  const auto changed =
      world.incoming().take_in(world.write_bundle("0002", {world.wish(0, 10)}), Steering::first_filter);
  ASSERT_TRUE(changed);
  ASSERT_TRUE(changed->refused);
  EXPECT_EQ(changed->refused->reason, "scope");
  const auto same = world.incoming().take_in(world.write_bundle("0003", {world.wish(0, 1000)}), Steering::first_filter);
  EXPECT_FALSE(same->refused) << "a bundle once more changes nothing";
}

TEST_F(IncomingTest, TakesTheSameBundleTwice) {
  publish_first();
  const auto before = world.metadata("timestamp.json");
  world.write_bundle("0001", {world.wish(0, 1000)});
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0001");
  EXPECT_EQ(world.metadata("timestamp.json"), before);
}

TEST_F(IncomingTest, TakesABundleWhoseTargetsACrashLeftInTheRepository) {
  world.add_release("1.0.0", "the first package");
  const auto name = world.stored_name(world.package_path("1.0.0"));
  const auto bundle = world.write_bundle("0001");
  std::filesystem::create_directories((world.place.targets() / name).parent_path());
  std::filesystem::rename(bundle / "targets" / name, world.place.targets() / name);
  world.start();
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0001");
  EXPECT_TRUE(client_finds(world.package_path("1.0.0")));
}

TEST_F(IncomingTest, LooksAgainAtTargetsThatACrashLeft) {
  world.add_release("1.0.0", "the first package");
  const auto name = world.stored_name(world.package_path("1.0.0"));
  const auto bundle = world.write_bundle("0001");
  std::filesystem::remove(bundle / "targets" / name);
  world.folder.write("repository/targets/" + name, "the torn package.");
  expect_refused("0001", "app-1.0.0.upk");
}

TEST_F(IncomingTest, KeepsABundleWhileAKeyIsMissing) {
  std::filesystem::remove(world.place.keys() / "snapshot.key");
  world.add_release("1.0.0", "the first package");
  world.write_bundle("0001");
  EXPECT_EQ(world.incoming().poll()->waiting, 1);
  EXPECT_TRUE(world.is_there("incoming/0001/bundle.json"));
  world.write_online_keys();
  EXPECT_EQ(world.incoming().poll()->waiting, 1) << "not at once again";
  world.clock.advance(std::chrono::seconds(31));
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0001");
}

TEST_F(IncomingTest, FollowsANewRoot) {
  publish_first();
  const auto old = trust::SigningKey::from_seed(world.timestamp_key.seed());
  world.timestamp_key = trust::SigningKey::generate();
  world.root.keys[world.timestamp_key.id()] = world.timestamp_key.public_key();
  world.root.roles["timestamp"].key_ids = {world.timestamp_key.id()};
  world.root.version = 2;
  world.write_bundle("0002");
  EXPECT_EQ(world.incoming().poll()->waiting, 1) << "the key is not there yet";
  world.write_online_keys();
  world.clock.advance(std::chrono::minutes(1));
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0002");
  EXPECT_TRUE(client_finds(world.package_path("1.0.0")));
}

TEST_F(IncomingTest, RefusesAGapInTheRoots) {
  publish_first();
  world.root.version = 3;
  world.write_bundle("0002");
  expect_refused("0002", "version 2 is missing");
}

TEST_F(IncomingTest, RefusesAFloorThatSinks) {
  world.index.floor = {1, 1};
  publish_first();
  world.index.floor = {1, 0};
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  expect_refused("0002", "the floor sinks");
}

TEST_F(IncomingTest, RefusesAnAlteredEntry) {
  publish_first();
  world.index.entries[0].services = {"another"};
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  expect_refused("0002", "another one than before");
}

TEST_F(IncomingTest, RefusesACounterUsedAgain) {
  publish_first();
  world.index.entries.clear();
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  expect_refused("0002", "the entry 1.1 is another one");
}

TEST_F(IncomingTest, RefusesAnEpochThatTheRoleMayNotUse) {
  publish_first();
  world.add_release("1.1.0", "the second package");
  world.index.entries[1].counter = {2, 1};
  world.resign_index();
  world.write_bundle("0002");
  expect_refused("0002", "may use none above 1");
  world.targets.delegations.roles[0].epoch = 2;
  ++world.targets.version;
  world.add_release("1.2.0", "the third package");
  world.index.entries = {world.index.entries[0], world.index.entries[2]};
  world.index.entries[1].counter = {2, 1};
  world.resign_index();
  for (const auto* end : {"", ".torrent"}) world.release.targets.erase(world.package_path("1.1.0") + end);
  world.write_bundle("0003");
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0003");
}

TEST_F(IncomingTest, RefusesANightlyWithTheCounterOfARelease) {
  publish_first();
  world.add_nightly("1.0.1-nightly", "a nightly build", {1, 1});
  world.write_bundle("0002");
  expect_refused("0002", "reason: counter");
}

TEST_F(IncomingTest, TakesAReleaseWithTheCounterOfANightly) {
  publish_first();
  world.add_nightly("1.0.1-nightly", "a nightly build", {1, 2});
  world.write_bundle("0002");
  EXPECT_EQ(world.incoming().poll()->taken, 1) << reason("0002");
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0003", {world.wish(1, 1000)});
  EXPECT_EQ(world.incoming().poll()->taken, 1) << "who has the nightly key keeps no release out: " << reason("0003");
  world.add_nightly("1.0.2-nightly", "another nightly build", {1, 3});
  world.write_bundle("0004");
  EXPECT_EQ(world.incoming().poll()->taken, 1) << "what was there before is no reason: " << reason("0004");
}

TEST_F(IncomingTest, RefusesAPackageThatChangesUnderItsName) {
  publish_first();
  const std::string other = "another package!!";
  const auto path = world.package_path("1.0.0");
  world.release.targets[path] = {.length = Bytes{other.size()}, .sha256 = sha256(other)};
  world.new_files[path] = other;
  ++world.release.version;
  world.write_bundle("0002");
  expect_refused("0002", "another file than before under the same name");
}

TEST_F(IncomingTest, RefusesARoleThatDropsAPackageOfItsIndex) {
  publish_first();
  world.release.targets.erase(world.package_path("1.0.0"));
  ++world.release.version;
  world.write_bundle("0002");
  expect_refused("0002", "an index names it, but no role signs it");
}

TEST_F(IncomingTest, RefusesARoleThatNobodyDelegatesTo) {
  publish_first();
  const auto key = trust::SigningKey::generate();
  trust::Targets stray{.version = 1, .expires = world.release.expires, .targets = {}, .delegations = {}};
  world.write_bundle("0002");
  world.folder.write("incoming/0002/metadata/1.rel-stray.json", trust::seal(trust::to_json(stray), {&key}));
  ++world.release.version;
  expect_refused("0002", "targets delegates nothing to it");
}

TEST_F(IncomingTest, RefusesARoleOfHashPrefixesWithAWrongSignature) {
  const auto key = trust::SigningKey::generate();
  world.targets.delegations.keys[key.id()] = key.public_key();
  world.targets.delegations.roles.push_back(
      {.name = "rel-bins", .keys = {{key.id()}, 1}, .terminating = false, .paths = {}, .path_hash_prefixes = {"ab"}});
  const auto thief = trust::SigningKey::generate();
  trust::Targets bins{.version = 1, .expires = world.release.expires, .targets = {}, .delegations = {}};
  world.write_bundle("0001");
  world.folder.write("incoming/0001/metadata/1.rel-bins.json", trust::seal(trust::to_json(bins), {&thief}));
  expect_refused("0001", "wrong_signature");
}

TEST_F(IncomingTest, RefusesFewerSignaturesThanTheThreshold) {
  const auto second = trust::SigningKey::generate();
  world.targets.delegations.keys[second.id()] = second.public_key();
  world.targets.delegations.roles[0].keys = {{world.release_key.id(), second.id()}, 2};
  world.add_release("1.0.0", "the first package");
  world.write_bundle("0001");
  expect_refused("0001", "wrong_signature");
}

TEST_F(IncomingTest, RemembersWhatItServedWhenTheRepositoryIsPutBack) {
  publish_first();
  const auto bundle = world.write_bundle("copy");
  std::filesystem::copy(world.place.repository(), world.folder / "backup", std::filesystem::copy_options::recursive);
  std::filesystem::rename(bundle, world.folder / "old");
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  std::filesystem::remove_all(world.place.repository());
  std::filesystem::rename(world.folder / "backup", world.place.repository());
  world.start();
  world.release.version = 2;
  world.index.entries.pop_back();
  ++world.targets.version;
  world.release.targets.erase(world.package_path("1.1.0"));
  world.release.targets.erase(world.package_path("1.1.0") + ".torrent");
  const auto index = trust::index_path("app", "stable", "linux-x64");
  const auto bytes = trust::to_json(world.index).dump();
  world.release.targets[index] = {.length = Bytes{bytes.size()}, .sha256 = sha256(bytes)};
  world.write_bundle("0003");
  expect_refused("0003", "rollback");
}

}  // namespace
}  // namespace upswarm::seeder
