// What each thief can do, what he cannot, and when it ends: the rows of docs/threat-model.md.
#include <algorithm>

#include "tests/support/stolen_keys.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using ThiefTest = tests::StolenKeys;

bool starts_with(const std::string& text, const std::string& start) { return text.starts_with(start); }

/// His harm: a rollout that is held, or hurried.
TEST_F(ThiefTest, TheRolloutKeyDelaysOrHurriesAReleaseAndNothingElse) {
  auto urgent = make_entry("1.2.0", {1, 3});
  urgent.urgent = true;
  urgent.not_before = clock.now();
  urgent.max_hold_days = 14;
  index.entries.push_back(urgent);
  put_index();
  sign_offline();
  Machine machine(*this, "machine");

  filter = {item_of(index.entries[1], 1000)};
  put_filter();
  sign_online();
  EXPECT_EQ(machine.asks(), "wanted 1.1.0") << "hurried";
  filter = {item_of(index.entries[1], 0), item_of(urgent, 0)};
  filter[1].paused = true;
  put_filter();
  sign_online();
  EXPECT_TRUE(starts_with(machine.asks(), "held: 1.2.0")) << "delayed";

  auto mine = make_entry("6.6.6", {1, 4});
  filter.push_back(item_of(mine, 1000));
  simulator.delegated.at("rollout").targets[index_path("app", "stable", "linux-x64")] = {Bytes{3}, sha256("foo")};
  put_filter();
  sign_online();
  EXPECT_TRUE(starts_with(machine.asks(), "held: 1.2.0")) << "neither a release nor an index is his to add";
  filter[1].entry = sha256("another entry");
  filter[1].paused = false;
  put_filter();
  sign_online();
  EXPECT_TRUE(starts_with(machine.asks(), "held: 1.2.0")) << "nor to alter";
  filter = {item_of(make_entry("0.9.0", {1, 0}), 1000)};
  put_filter();
  sign_online();
  machine.facts.installed_version.reset();
  machine.facts.installed.reset();
  EXPECT_FALSE(starts_with(machine.asks(), "wanted")) << "nothing below the floor, nor that the index lacks";

  filter = {item_of(urgent, 0)};
  filter[0].paused = true;
  for (int day = 1; day <= 14; ++day) {
    clock.set(*urgent.not_before + days(day) - seconds(1));
    put_filter();
    sign_online();
    EXPECT_TRUE(starts_with(machine.asks(), "held: 1.2.0")) << day;
  }
  clock.set(*urgent.not_before + days(14));
  sign_timestamp();
  EXPECT_EQ(machine.asks(), "wanted 1.2.0") << "an urgent release waits for max_hold_days and no longer";
}

/// It ends with a new key in targets: what he signed before counts no more.
TEST_F(ThiefTest, TheRolloutKeyIsWorthNothingWhenTargetsNamesAnother) {
  Machine machine(*this, "machine");
  filter = {item_of(index.entries[1], 1000)};
  put_filter();
  sign_online();
  ASSERT_EQ(machine.asks(), "wanted 1.1.0");
  auto fresh = SigningKey::generate();
  simulator.targets.delegations.keys[fresh.id()] = fresh.public_key();
  for (auto& role : simulator.targets.delegations.roles) {
    if (role.name == "rollout") role.keys.key_ids = {fresh.id()};
  }
  sign_offline();
  EXPECT_TRUE(starts_with(machine.asks(), "held: 1.1.0")) << "his filter is as good as none";
  simulator.keys.insert_or_assign("rollout", std::move(fresh));
  sign_online();
  EXPECT_EQ(machine.asks(), "wanted 1.1.0") << "the owner's filter counts";
}

/// His harm: everything stands still, without a sound until the release role expires.
TEST_F(ThiefTest, SnapshotAndTimestampKeysFreezeForAsLongAsTheOfflineRolesLive) {
  Machine machine(*this, "machine");
  ASSERT_TRUE(starts_with(machine.asks(), "held: 1.1.0"));
  simulator.snapshot.expires = clock.now() + days(3650);
  simulator.publish();
  const auto signed_at = clock.now();
  for (int day = 1; day < tests::kOfflineLife.count(); ++day) {
    clock.set(signed_at + days(day));
    sign_timestamp();
    ASSERT_TRUE(starts_with(machine.asks(), "held: 1.1.0")) << day;
  }
  clock.set(signed_at + days(tests::kOfflineLife.count()));
  sign_timestamp();
  EXPECT_EQ(machine.asks(), "refused: expired");
}

TEST_F(ThiefTest, SnapshotAndTimestampKeysAddNothingAndBringNothingBack) {
  filter = {item_of(index.entries[0], 1000), item_of(index.entries[1], 1000)};
  put_filter();
  sign_offline();
  Machine machine(*this, "machine");
  ASSERT_EQ(machine.asks(), "wanted 1.1.0");

  const auto honest = simulator.files;
  const auto old = simulator.snapshot.meta;
  index.entries.push_back(make_entry("6.6.6", {1, 3}));
  put_index();
  auto mine = SigningKey::from_seed(simulator.keys.at("snapshot").seed());
  simulator.keys.insert_or_assign("rel-app", std::move(*mine));
  sign_offline();
  EXPECT_EQ(machine.asks(), "refused: wrong_signature") << "what he signs as the release role";
  simulator.files = honest;

  simulator.snapshot.meta = old;
  simulator.snapshot.meta["rel-app.json"].version = 1;
  ++simulator.snapshot.version;
  simulator.publish_snapshot();
  EXPECT_EQ(machine.asks(), "refused: rollback") << "an older release role";
}

/// The worst of it: versions, and a time, that nobody honest reaches. A new root with new keys ends it at once.
TEST_F(ThiefTest, NewSnapshotAndTimestampKeysEndEvenAFastForward) {
  Machine machine(*this, "machine");
  machine.asks();
  const auto honest = simulator.snapshot;
  const auto honest_version = simulator.timestamp.version;
  constexpr RoleVersion kFar = RoleVersion{1} << 62U;
  simulator.snapshot.version = kFar;
  simulator.snapshot.expires = clock.now() + days(100'000);
  simulator.snapshot.meta["rel-app.json"].version = kFar;
  simulator.timestamp.version = kFar;
  simulator.timestamp.expires = clock.now() + days(100'000);
  simulator.publish_snapshot();
  EXPECT_TRUE(starts_with(machine.asks(), "refused")) << "the release role that he promises is not there";

  simulator.snapshot = honest;
  simulator.timestamp.version = honest_version;
  sign_online();
  EXPECT_TRUE(starts_with(machine.asks(), "refused")) << "the owner's own are older, and in the past";

  simulator.rotate_key("snapshot");
  simulator.rotate_key("timestamp");
  simulator.publish_root();
  sign_online();
  EXPECT_TRUE(starts_with(machine.asks(), "held: 1.1.0")) << "as before the thief";
}

/// All online keys and the network: a machine that is new gets the oldest index that is still valid, no more.
TEST_F(ThiefTest, TheWholeSeederShowsOldThingsToNewMachinesUntilTheyExpire) {
  const auto yesterday = simulator.snapshot.meta;
  const auto signed_at = clock.now();
  advance(days(1));
  index.floor = {1, 2};
  index.entries.push_back(make_entry("1.2.0", {1, 3}));
  filter = {item_of(index.entries[2], 1000)};
  put_index();
  put_filter();
  sign_offline();
  Machine old_hand(*this, "old hand");
  ASSERT_EQ(old_hand.asks(), "wanted 1.2.0");

  simulator.snapshot.meta = yesterday;
  filter = {item_of(index.entries[1], 1000)};
  put_filter();
  const auto serve = [&] {
    sign_online();
    simulator.snapshot.meta["rel-app.json"] = yesterday.at("rel-app.json");
    simulator.snapshot.meta["targets.json"] = yesterday.at("targets.json");
  };
  serve();
  serve();
  Machine newcomer(*this, "newcomer");
  EXPECT_EQ(old_hand.asks(), "refused: rollback");
  EXPECT_EQ(newcomer.asks(), "wanted 1.1.0") << "yesterday's index, signed by the release desk, with yesterday's floor";

  clock.set(signed_at + tests::kOfflineLife - seconds(1));
  serve();
  EXPECT_EQ(newcomer.asks(), "wanted 1.1.0");
  clock.set(signed_at + tests::kOfflineLife);
  serve();
  EXPECT_EQ(newcomer.asks(), "refused: expired") << "182 days after it was signed";
}

/// Nothing, as long as the threshold is above what he has.
TEST_F(ThiefTest, OneOfNReleaseKeysSignsNothing) {
  const auto second = SigningKey::generate();
  const auto third = SigningKey::generate();
  auto& delegations = simulator.targets.delegations;
  for (const auto* key : {&second, &third}) delegations.keys[key->id()] = key->public_key();
  for (auto& role : delegations.roles) {
    if (role.name == "rel-app") role.keys = {{simulator.keys.at("rel-app").id(), second.id(), third.id()}, 2};
  }
  filter = {item_of(index.entries[1], 1000)};
  put_filter();
  const auto sign_release = [&](const std::vector<const SigningKey*>& signers) {
    auto& role = simulator.delegated.at("rel-app");
    simulator.files["metadata/" + std::to_string(role.version) + ".rel-app.json"] = seal(to_json(role), signers);
  };
  const auto& stolen = simulator.keys.at("rel-app");
  sign_offline();
  Machine machine(*this, "machine");
  EXPECT_EQ(machine.asks(), "refused: wrong_signature") << "one signature";
  sign_release({&stolen, &stolen});
  EXPECT_TRUE(starts_with(machine.asks(), "refused")) << "twice the same";
  sign_release({&stolen, &second});
  EXPECT_EQ(machine.asks(), "wanted 1.1.0") << "two people";
}

/// His harm: whatever he likes, from the floor up. It ends with new keys and a raised epoch, when they arrive.
TEST_F(ThiefTest, AllReleaseKeysAreWorthNothingAfterTheyWereRevoked) {
  const auto before = index;
  Machine machine(*this, "machine");
  const auto offer = [&](const std::string& version, const ReleaseCounter& counter) {
    index = before;
    index.entries.push_back(make_entry(version, counter));
    filter = {item_of(index.entries.back(), 1000)};
    put_index();
    put_filter();
    sign_offline();
    return machine.asks();
  };
  EXPECT_FALSE(starts_with(offer("6.6.6", {1, 10'002}), "wanted")) << "a jump that would leave no room for the owner";
  EXPECT_FALSE(starts_with(offer("6.6.6", {2, 1}), "wanted")) << "an epoch that targets did not give";
  EXPECT_EQ(offer("6.6.6", {1, 10'001}), "wanted 6.6.6") << "what he can do";
  machine.facts.installed_version = "6.6.6";
  machine.facts.installed = machine.facts.highest_committed = ReleaseCounter{1, 10'001};

  auto fresh = SigningKey::generate();
  simulator.targets.delegations.keys[fresh.id()] = fresh.public_key();
  for (auto& role : simulator.targets.delegations.roles) {
    if (role.name != "rel-app") continue;
    role.keys.key_ids = {fresh.id()};
    role.epoch = 2;
  }
  sign_offline();
  EXPECT_EQ(machine.asks(), "refused: wrong_signature") << "his index, from now on";
  simulator.keys.insert_or_assign("rel-app", std::move(fresh));
  index = before;
  index.floor = {2, 0};
  index.entries = {make_entry("1.1.1", {2, 1})};
  filter = {item_of(index.entries[0], 1000)};
  put_index();
  put_filter();
  sign_offline();
  EXPECT_EQ(machine.asks(), "wanted 1.1.1") << "the owner's release, although its n is lower than his";
}

/// With the online keys too he can keep the revocation from a machine: until the old targets role expires.
TEST_F(ThiefTest, ARevocationThatIsWithheldCountsWhenTargetsExpires) {
  const auto signed_at = clock.now();
  Machine machine(*this, "machine");
  const auto targets_expire = simulator.targets.expires;
  clock.set(targets_expire - seconds(1));
  index.entries.push_back(make_entry("6.6.6", {1, 3}));
  filter = {item_of(index.entries.back(), 1000)};
  put_index();
  put_filter();
  simulator.delegated.at("rel-app").expires = clock.now() + days(3650);
  simulator.publish({"rel-app"});
  sign_online();
  EXPECT_EQ(machine.asks(), "wanted 6.6.6");
  clock.set(targets_expire);
  sign_online();
  EXPECT_EQ(machine.asks(), "refused: expired") << "he cannot sign targets";
  EXPECT_EQ(targets_expire - signed_at, tests::kOfflineLife);
}

/// A nightly key of CI, two machines side by side, and what the thief offers them.
class NightlyThiefTest : public ThiefTest {
 protected:
  NightlyThiefTest() {
    simulator.delegate("pre-app", {"pre/app/*/*/*", "preindex/app/*/*"});
    // In front of the releases: it is not their precedence that keeps him out.
    auto& roles = simulator.targets.delegations.roles;
    std::ranges::rotate(roles, std::prev(roles.end()));
    sign_offline();
    follower.facts.accepts_prerelease = true;
  }

  /// One nightly build, to everybody; the seeder takes it in as any other.
  void offer(const std::string& version, const ReleaseCounter& counter, std::chrono::seconds life) {
    nightlies.entries = {make_entry(version, counter)};
    filter = {item_of(nightlies.entries[0], 1000)};
    put_nightlies();
    put_filter();
    sign_nightlies(life);
  }
  std::string asks(const std::string& version, const ReleaseCounter& counter) {
    offer(version, counter, tests::kNightlyLife);
    return follower.asks();
  }
  /// `keys revoke pre-app --raise-epoch`.
  void revoke() {
    auto fresh = SigningKey::generate();
    simulator.targets.delegations.keys[fresh.id()] = fresh.public_key();
    for (auto& role : simulator.targets.delegations.roles) {
      if (role.name == "pre-app") role.keys.key_ids = {fresh.id()};
      if (role.name == "pre-app" || role.name == "rel-app") role.epoch = 2;
    }
    sign_offline();
    simulator.keys.insert_or_assign("pre-app", std::move(fresh));
  }

  Machine bystander{*this, "bystander"};
  Machine follower{*this, "follower"};
};

/// His harm: whatever he likes, on machines that opted in. The others do not even hold for it.
TEST_F(NightlyThiefTest, TheNightlyKeyReachesWhoOptedInAlone) {
  EXPECT_EQ(asks("6.6.6", {1, 10'001}), "wanted 6.6.6") << "a version that is no pre-release, too";
  EXPECT_TRUE(starts_with(bystander.asks(), "held: 1.1.0")) << bystander.asks();
  EXPECT_NE(asks("6.6.6", {1, 10'002}), "wanted 6.6.6") << "a jump that would leave no room for the owner";
  EXPECT_NE(asks("6.6.6", {2, 1}), "wanted 6.6.6") << "an epoch that targets did not give";
  nightlies.floor = {1, 9};
  EXPECT_EQ(asks("6.6.6", {1, 3}), "wanted 6.6.6") << "a floor of his own is none";
  nightlies.floor = {};
  index.floor = {1, 4};
  put_index();
  sign_offline();
  EXPECT_TRUE(starts_with(asks("6.6.6", {1, 3}), "held")) << "that of the releases holds for him";

  filter.clear();
  nightlies.entries = {make_entry("6.6.6", {1, 4})};
  nightlies.entries[0].urgent = true;
  nightlies.entries[0].not_before = clock.now() - days(1);
  nightlies.entries[0].max_hold_days = 1;
  put_filter();
  put_nightlies();
  sign_nightlies();
  EXPECT_EQ(follower.asks(), "wanted 6.6.6") << "who may write urgent and yesterday needs no filter";
  EXPECT_TRUE(starts_with(bystander.asks(), "held: 1.1.0")) << bystander.asks();

  simulator.add_target("pre-app", index_path("app", "stable", "linux-x64"), trust::to_json(nightlies).dump());
  simulator.add_target("pre-app", "pkg/app/linux-x64/6.6.6/app.upk", "not his to sign");
  sign_nightlies();
  EXPECT_TRUE(starts_with(bystander.asks(), "held: 1.1.0")) << "he speaks for preindex/ and pre/ alone";
}

/// It ends when targets names another key. The 30 days bound who has no key but what it signed.
TEST_F(NightlyThiefTest, TheNightlyKeyIsWorthNothingAfterItWasRevoked) {
  const auto signed_at = clock.now();
  offer("6.6.6", {1, 9000}, tests::kNightlyLife);
  clock.set(signed_at + tests::kNightlyLife - seconds(1));
  sign_online();
  EXPECT_EQ(follower.asks(), "wanted 6.6.6");
  clock.set(signed_at + tests::kNightlyLife);
  sign_online();
  EXPECT_TRUE(starts_with(follower.asks(), "held: 1.1.0")) << "30 days after it was signed; releases go on";

  offer("6.6.6", {1, 9000}, days(3650));
  clock.set(signed_at + days(100));
  sign_online();
  EXPECT_EQ(follower.asks(), "wanted 6.6.6") << "who has the key writes the date himself";
  follower.facts.installed_version = "6.6.6";
  follower.facts.installed = follower.facts.highest_committed = ReleaseCounter{1, 9000};

  revoke();
  EXPECT_EQ(follower.asks(), "current") << "what he signed counts no more";
  index.entries.push_back(make_entry("1.1.1", {2, 1}));
  filter = {item_of(index.entries.back(), 1000)};
  put_index();
  put_filter();
  sign_offline();
  EXPECT_EQ(follower.asks(), "wanted 1.1.1") << "the owner's release is newer, although its n is lower";
  EXPECT_EQ(bystander.asks(), "wanted 1.1.1");
}

/// With the online keys too he can keep the revocation from a machine: until the old targets role expires.
TEST_F(NightlyThiefTest, ARevocationOfTheNightlyKeyThatIsWithheldCountsWhenTargetsExpires) {
  const auto signed_at = clock.now();
  offer("6.6.6", {1, 3}, days(3650));
  clock.set(signed_at + tests::kOfflineLife - seconds(1));
  sign_online();
  EXPECT_EQ(follower.asks(), "wanted 6.6.6");
  clock.set(signed_at + tests::kOfflineLife);
  sign_online();
  EXPECT_EQ(follower.asks(), "refused: expired") << "182 days after targets was signed";
}

/// Without the online keys he can only replay what was served: a day.
TEST_F(ThiefTest, ANetworkWithoutKeysHidesNewsForADay) {
  Machine machine(*this, "machine");
  const auto answer = machine.asks();
  const auto old = simulator.files;
  filter = {item_of(index.entries[1], 1000)};
  put_filter();
  sign_online();
  const auto fresh = simulator.files;
  simulator.files = old;
  advance(days(1) - seconds(1));
  EXPECT_EQ(machine.asks(), answer);
  advance(seconds(1));
  EXPECT_EQ(machine.asks(), "refused: expired");
  clock.advance(seconds(-1));
  simulator.files = fresh;
  EXPECT_EQ(machine.asks(), "wanted 1.1.0") << "and nothing that he did stays";
}

}  // namespace
}  // namespace upswarm::trust
