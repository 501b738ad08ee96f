#include "seeder/publish/key_changes.hpp"

#include <set>

#include "protocol/trust/decision.hpp"
#include "tests/seeder/publish/desk_fixture.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

class KeyChangesTest : public DeskTest {
 protected:
  KeyChangesTest() { init({.products = {"app"}, .root_threshold = 1, .root_keys = 2}); }

  /// Everything published so far, to a client that starts from the first root.
  void expect_clients_follow() {
    for (const auto& name : must(open().outgoing())) {
      if (taken_.insert(name).second) served_.take(bundle(name));
      const auto refreshed = follower().client.refresh();
      EXPECT_TRUE(refreshed) << name << ": " << refreshed.error().message();
    }
  }
  Follower& follower() {
    if (!follower_) follower_.emplace(top / "store", folder, served_, clock);
    return *follower_;
  }

  Result<publish::Signed> renew_now() const {
    return as(
        "", [&](const publish::KeyWork& work) { return renew(work.files, work.repository, false, clock, work.keys); });
  }

  Served served_{folder, clock};
  std::set<std::string> taken_;
  std::optional<Follower> follower_;
};

TEST_F(KeyChangesTest, ASecondSignerIsAddedAtOnceWhereOneIsEnough) {
  const auto result = must(add_signer("rel-app", new_key("rel-app", "anna")));
  EXPECT_NE(result.bundle, "");
  EXPECT_EQ(open().products().at("app").keys.key_ids.size(), 2U);
  EXPECT_EQ(open().products().at("app").release.version, 1) << "what was signed still counts";
  expect_clients_follow();
}

TEST_F(KeyChangesTest, ARaisedThresholdNeedsTheNewSignerForWhatHolds) {
  const auto result = must(add_signer("rel-app", new_key("rel-app", "anna"), 2));
  ASSERT_EQ(result.missing.size(), 1U);
  EXPECT_EQ(result.missing[0].role, "rel-app");
  EXPECT_EQ(open().products().at("app").keys.threshold, 1) << "nothing changes before all have signed";
  must(sign(result.change, key_file("rel-app", "anna")));
  must(publish({result.change}));
  EXPECT_EQ(open().products().at("app").keys.threshold, 2);
  expect_clients_follow();
}

TEST_F(KeyChangesTest, ARootNeedsTheKeysBeforeAndItsOwn) {
  const auto result = must(add_signer("root", new_key("root", "anna"), 2));
  ASSERT_EQ(result.missing.size(), 1U);
  EXPECT_EQ(result.missing[0].who, "root");  // one old key was enough for the root before it
  must(sign(result.change, key_file("root", "anna")));
  must(publish({result.change}));
  EXPECT_EQ(open().root().roles.at("root").threshold, 2);
  const auto next = must(revoke({.role = "root", .key = key_of("root", 0)}));
  EXPECT_EQ(next.bundle, "");
  expect_clients_follow();
  EXPECT_EQ(follower().client.root_version(), 2);
}

TEST_F(KeyChangesTest, RotatedRootAndTargetsAreFollowed) {
  const auto old_root = key_of("root");
  const auto root = must(rotate({.role = "root", .key = old_root, .name = "new"}));
  EXPECT_NE(root.signed_as.bundle, "");
  EXPECT_EQ(root.old_key, old_root);
  EXPECT_EQ(key_of("root"), root.new_key);
  EXPECT_FALSE(open().root().keys.contains(old_root));
  const auto targets = must(rotate({.role = "targets", .key = "", .name = ""}));
  EXPECT_EQ(key_of("targets"), targets.new_key);
  EXPECT_TRUE(std::filesystem::exists(folder / "keys/targets-2.key.json"));
  expect_clients_follow();
  EXPECT_EQ(follower().client.root_version(), 3);
  must(release_as("", request("1.0.0", tree("one"))));
  expect_clients_follow();
}

TEST_F(KeyChangesTest, ARotatedReleaseKeySignsTheNextReleaseAndTheOldOneDoesNot) {
  release("1.0.0", tree("one"));
  const auto rotated = must(rotate({.role = "rel-app", .key = "", .name = "new"}));
  std::filesystem::create_directories(top / "thief");
  std::filesystem::rename(folder / "keys/rel-app-1.key.json", top / "thief/rel-app-1.key.json");
  EXPECT_EQ(must(release_as("thief", request("6.6.6", tree("evil", 3)))).signed_as.missing[0].good, 0);
  release("1.1.0", tree("two", 2));
  expect_clients_follow();
  EXPECT_EQ(open().products().at("app").keys.key_ids, (std::vector<trust::KeyId>{rotated.new_key}));
}

TEST_F(KeyChangesTest, ARevokedReleaseKeyWithARaisedEpochRecoversMachines) {
  must(add_signer("rel-app", new_key("rel-app", "anna")));
  release("1.0.0", tree("one"));
  const auto thief = key_of("rel-app", 0);
  const auto result = must(revoke({.role = "rel-app", .key = thief, .threshold = {}, .raise_epoch = true}));
  ASSERT_EQ(result.missing.size(), 1U) << "anna must sign the role anew";
  EXPECT_EQ(sign(result.change, folder / "keys/rel-app-1.key.json").error().reason, "wrong_key");
  must(sign(result.change, key_file("rel-app", "anna")));
  must(publish({result.change}));
  const auto report = must(release_as("anna", request("1.1.0", tree("two", 2))));
  EXPECT_EQ(report.entry.counter, (trust::ReleaseCounter{2, 1}));
  expect_clients_follow();
  const auto target = must(follower().client.find("index/app/stable/linux-x64.json"));
  EXPECT_EQ(target.epoch, 2);
  const auto index = must(trust::parse_index(
      must(follower().client.fetch("index/app/stable/linux-x64.json", trust::kLongestIndex)), "index"));
  // A machine that took what the thief had signed with a high counter.
  const trust::MachineFacts facts{.machine_id = "m",
                                  .installed_version = "6.6.6",
                                  .highest_committed = {1, 9000},
                                  .installed = trust::ReleaseCounter{1, 9000},
                                  .bad = {},
                                  .now = clock.now(),
                                  .epoch = target.epoch};
  const trust::Rollout rollout{
      "app", "stable", "linux-x64", {{report.entry.counter, report.entry.digest(), 1000, false, ""}}};
  const auto decision = trust::decide(index, rollout, facts);
  ASSERT_EQ(decision.kind, trust::Decision::Kind::wanted) << decision.reason;
  EXPECT_EQ(decision.entry->version, "1.1.0");
}

TEST_F(KeyChangesTest, TheEpochOfNightlyBuildsRisesWithThatOfReleases) {
  must(add_signer("pre-app", new_key("pre-app", "ci")));
  must(add_signer("pre-app", new_key("pre-app", "ci2")));
  const auto result =
      must(revoke({.role = "pre-app", .key = key_of("pre-app", 1), .threshold = {}, .raise_epoch = true}));
  EXPECT_NE(result.bundle, "") << "nothing was signed as pre-app: targets alone sign";
  EXPECT_EQ(open().products().at("app").epoch, 2);
  EXPECT_EQ(open().prereleases().at("app").epoch, 2);
  EXPECT_EQ(release("1.0.0", tree("one")).entry.counter, (trust::ReleaseCounter{2, 1}));
}

TEST_F(KeyChangesTest, TheLastKeyIsNotRevoked) {
  EXPECT_EQ(revoke({.role = "rel-app", .key = key_of("rel-app")}).error().reason, "last_key");
  EXPECT_EQ(revoke({.role = "targets", .key = key_of("targets")}).error().reason, "last_key");
  EXPECT_EQ(open().targets().version, 1);
}

TEST_F(KeyChangesTest, AThresholdAboveTheKeysIsRefused) {
  EXPECT_EQ(add_signer("rel-app", new_key("rel-app", "anna"), 3).error().reason, "threshold");
  EXPECT_EQ(add_signer("rel-app", new_key("rel-app", "bert"), 0).error().reason, "threshold");
  need_two_for_releases("carl");
  EXPECT_EQ(revoke({.role = "rel-app", .key = key_of("rel-app", 1)}).error().reason, "threshold");
  EXPECT_TRUE(revoke({.role = "rel-app", .key = key_of("rel-app", 1), .threshold = 1}));
}

TEST_F(KeyChangesTest, KeysOfOtherRolesAndKeysThatAreThereAreRefused) {
  const auto anna = new_key("rel-app", "anna");
  EXPECT_EQ(add_signer("targets", anna).error().reason, "role");
  EXPECT_EQ(add_signer("rel-tool", new_key("rel-tool", "anna2")).error().kind, ErrorKind::not_found);
  EXPECT_EQ(add_signer("timestamp", anna).error().reason, "role");
  must(add_signer("rel-app", anna));
  EXPECT_EQ(add_signer("rel-app", anna).error().reason, "key");
}

TEST_F(KeyChangesTest, KeysAreFoundByTheirFirstDigits) {
  EXPECT_EQ(revoke({.role = "root", .key = "0123456"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(revoke({.role = "root", .key = "zzzzzzzz"}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(rotate({.role = "root", .key = "", .name = ""}).error().kind, ErrorKind::invalid) << "it has two";
  EXPECT_TRUE(revoke({.role = "root", .key = key_of("root", 1).substr(0, 8)}));
  EXPECT_EQ(revoke({.role = "root", .key = key_of("root"), .threshold = {}, .raise_epoch = true}).error().reason,
            "last_key");
  EXPECT_EQ(revoke({.role = "nobody", .key = key_of("root")}).error().reason, "role");
}

TEST_F(KeyChangesTest, OnlyReleasesHaveAnEpoch) {
  EXPECT_EQ(revoke({.role = "root", .key = key_of("root"), .threshold = {}, .raise_epoch = true}).error().reason,
            "epoch");
}

/// The seeder signs with one key: at each step of the way, the one that it holds is good.
TEST_F(KeyChangesTest, OnlineKeysAreReplacedInStepsThatNoMachineRefuses) {
  for (const std::string role : {"timestamp", "snapshot", "rollout"}) {
    const auto old_secret = top.read("repository/online-keys/" + role + ".key");
    const auto rotated = must(rotate({.role = role, .key = "", .name = ""}));
    EXPECT_NE(rotated.signed_as.bundle, "");
    const auto new_secret = top.read("repository/online-keys/" + role + ".key");
    EXPECT_NE(new_secret, old_secret);
    top.write("repository/online-keys/" + role + ".key", old_secret);
    expect_clients_follow();  // the seeder still signs with the old one
    top.write("repository/online-keys/" + role + ".key", new_secret);
    must(renew_now());
    expect_clients_follow();  // and now with the new one
    EXPECT_EQ(rotate({.role = role, .key = rotated.old_key, .name = ""}).error().reason, "key");
    must(revoke({.role = role, .key = rotated.old_key}));
    expect_clients_follow();  // the old one counts no more
    EXPECT_EQ(key_of(role), rotated.new_key);
  }
}

TEST_F(KeyChangesTest, AWrongPassphraseMakesNoKey) {
  open();
  const auto before = snapshot_of(folder);
  auto repository = open();
  auto ring = keys("wrong horse");
  const publish::KeyWork work{unsynced_files(), repository, clock, ring, publish::least_strength()};
  EXPECT_EQ(publish::rotate_key(work, {.role = "rel-app", .key = "", .name = ""}).error().kind, ErrorKind::denied);
  EXPECT_EQ(snapshot_of(folder), before);
}

/// Stops a change of release keys at every operation: the repository can be opened, and is as before or all there.
TEST_F(KeyChangesTest, APowerCutLeavesTheOldKeysOrTheNew) {
  std::filesystem::copy(folder, top / "saved", std::filesystem::copy_options::recursive);
  StoppingFiles files(unsynced_files());
  for (std::size_t n = 1;; ++n) {
    files.stop_at(n);
    {
      auto repository = publish::Repository::open(files, folder, publish::Repository::Access::writing);
      if (repository) {
        publish::KeyRing ring(files, folder / "keys", [] { return Result<std::string>(kPassphrase); });
        static_cast<void>(publish::rotate_key({files, *repository, clock, ring, publish::least_strength()},
                                              {.role = "rel-app", .key = "", .name = "new"}));
      }
    }
    const auto repository = open();
    const auto& product = repository.products().at("app");
    EXPECT_EQ(product.release.version, repository.targets().version) << "operation " << n;
    EXPECT_EQ(must(repository.outgoing()).size(), static_cast<std::size_t>(product.release.version)) << n;
    if (!files.was_reached()) {
      EXPECT_EQ(product.release.version, 2);
      EXPECT_GT(n, 20U);
      return;
    }
    std::filesystem::remove_all(folder);
    std::filesystem::copy(top / "saved", folder, std::filesystem::copy_options::recursive);
  }
}

}  // namespace
}  // namespace upswarm::tests
