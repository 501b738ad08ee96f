// All release keys of a product were stolen, and the thief uploads: the way back that docs/operations.md tells, with
// the publisher's own code, the seeder's, and machines that followed the thief.
#include "protocol/trust/decision.hpp"
#include "seeder/incoming.hpp"
#include "seeder/migrations.hpp"
#include "seeder/publish/everything.hpp"
#include "seeder/publish/steering.hpp"
#include "tests/seeder/publish/desk_fixture.hpp"

namespace upswarm::tests {
namespace {

constexpr const char* kIndex = "index/app/stable/linux-x64.json";

class StolenReleaseKeysTest : public DeskTest {
 protected:
  StolenReleaseKeysTest() {
    init();
    release("1.0.0", tree("one"));
    must(make_seeder_folder(unsynced_files(), place));
    place_online_keys();
    start_seeder();
    hand_over(folder);
    EXPECT_EQ(must(incoming_->poll()).taken, 2);
  }

  void start_seeder() {
    incoming_.reset();
    database_.emplace(must(Database::open(place.database(), seeder::kMigrations)));
    incoming_.emplace(unsynced_files(), place, place.keys(), *database_, clock);
    must(incoming_->start());
  }
  void place_online_keys() const {
    for (const std::string role : {"timestamp", "snapshot", "rollout"})
      top.write("seeder/keys/" + role + ".key", top.read("repository/online-keys/" + role + ".key"), 0600);
  }

  void hand_over(const Path& from) const {
    auto repository = must(publish::Repository::open(unsynced_files(), from, publish::Repository::Access::writing));
    const auto to = must(publish::open_folder_destination(unsynced_files(), place.incoming()));
    must(publish::hand_over_all(repository, *to, {}, {}));
  }
  void hand_over_everything() const {
    auto repository = open();
    const auto to = must(publish::open_folder_destination(unsynced_files(), place.incoming()));
    must(publish::hand_over_everything(unsynced_files(), repository, *to, {}, {}));
  }

  /// What the thief does: `count` releases of his own to everybody, with the desk's keys, and a floor at the last.
  void steal(int count) {
    const Path his = top / "thief";
    std::filesystem::copy(folder, his, std::filesystem::copy_options::recursive);
    publish::KeyRing ring(unsynced_files(), his / "keys", [] { return Result<std::string>(kPassphrase); });
    for (int i = 0; i < count; ++i) {
      auto repository = must(publish::Repository::open(unsynced_files(), his, publish::Repository::Access::writing));
      const auto version = "6.6." + std::to_string(i);
      must(publish::make_release(unsynced_files(), repository,
                                 request(version, tree("evil" + version, 66 + static_cast<unsigned>(i))), clock, ring,
                                 {}, {}));
    }
    hand_over(his);
    clock.time += std::chrono::minutes(1);
    ASSERT_EQ(must(incoming_->poll()).taken, count);
  }

  void raise_floor_as_thief(const std::string& version) {
    {
      const Path his = top / "thief";
      auto repository = must(publish::Repository::open(unsynced_files(), his, publish::Repository::Access::writing));
      publish::KeyRing ring(unsynced_files(), his / "keys", [] { return Result<std::string>(kPassphrase); });
      must(publish::raise_floor(unsynced_files(), repository, {"app", "stable", "linux-x64", version}, clock, ring));
    }
    hand_over(top / "thief");
    ASSERT_EQ(poll().taken, 1) << reasons();
  }

  /// The keys are revoked and the epoch raised; anna, who is new, signs the role anew.
  void revoke_stolen_key() const {
    const auto stolen = key_of("rel-app");
    must(add_signer("rel-app", new_key("rel-app", "anna")));
    const auto change = must(revoke({.role = "rel-app", .key = stolen, .threshold = {}, .raise_epoch = true})).change;
    must(sign(change, key_file("rel-app", "anna")));
    must(publish({change}));
  }

  seeder::IncomingCount poll() {
    clock.time += std::chrono::minutes(1);
    return must(incoming_->poll());
  }
  std::string reasons() const {
    std::string text;
    for (const auto& [name, bytes] : snapshot_of(place.rejected()))
      text += name.ends_with("reason.txt") ? name + ": " + bytes : "";
    return text;
  }

  struct Machine {
    trust::TrustStore store;
    trust::MachineFacts facts;
  };
  Machine machine(const std::string& name) const {
    auto store = must(trust::TrustStore::open(unsynced_files(), top / name));
    must(store.place_first_root(top.read("repository/metadata/1.root.json"), trust::ed25519_verifier()));
    trust::MachineFacts facts;
    facts.machine_id = name;
    return {std::move(store), std::move(facts)};
  }
  /// What it wants; it then has it.
  std::string updates(Machine& machine) const {
    seeder::FolderSource source(unsynced_files(), {place.repository()});
    trust::TrustClient client(machine.store, source, trust::ed25519_verifier(), clock);
    if (const auto refreshed = client.refresh(); !refreshed) return refreshed.error().message();
    const auto target = client.find(kIndex);
    const auto index = client.fetch(kIndex, trust::kLongestIndex);
    if (!index) return index.error().message();
    const auto rollout = must(client.fetch("rollout/app/stable.linux-x64.json", trust::kLongestRollout));
    machine.facts.epoch = target->epoch;
    machine.facts.now = client.now();
    machine.facts.floor = std::max(machine.facts.floor, must(trust::parse_index(*index, "index")).floor);
    const auto decision = trust::decide(must(trust::parse_index(*index, "index")),
                                        must(trust::parse_rollout(rollout, "rollout")), machine.facts);
    if (decision.kind != trust::Decision::Kind::wanted) return decision.reason;
    machine.facts.installed_version = decision.entry->version;
    machine.facts.installed = machine.facts.highest_committed = decision.entry->counter;
    return "wanted " + decision.entry->version;
  }

  const seeder::SeederFolder place{top / "seeder"};

 private:
  std::optional<Database> database_;
  std::optional<seeder::Incoming> incoming_;
};

/// Below, at, and above the version that the desk's next file has.
class StolenReleaseKeysFromBehind : public StolenReleaseKeysTest, public testing::WithParamInterface<int> {};

TEST_P(StolenReleaseKeysFromBehind, TheWayOfTheOperationsManualGetsTheOwnersReleaseIn) {
  auto follower = machine("follower");
  ASSERT_EQ(updates(follower), "wanted 1.0.0");
  steal(GetParam());
  ASSERT_EQ(updates(follower), "wanted 6.6." + std::to_string(GetParam() - 1));

  revoke_stolen_key();
  must(release_as("anna", request("1.1.0", tree("two", 2))));
  must(rotate({.role = "snapshot", .key = "", .name = ""}));
  hand_over_everything();
  ASSERT_EQ(poll().taken, 1) << reasons();
  EXPECT_EQ(updates(follower), "wanted 1.1.0");
  auto newcomer = machine("newcomer");
  EXPECT_EQ(updates(newcomer), "wanted 1.1.0");

  // The rest of the rotation, and the next release, as ever.
  const auto old_snapshot_key = key_of("snapshot", 0);
  place_online_keys();
  must(revoke({.role = "snapshot", .key = old_snapshot_key}));
  must(release_as("anna", request("1.2.0", tree("three", 3))));
  hand_over(folder);
  ASSERT_EQ(poll().taken, 2) << reasons();
  EXPECT_EQ(updates(follower), "wanted 1.2.0");

  hand_over(top / "thief");
  EXPECT_EQ(poll().taken, 0);
}

/// The power fails after the metadata was written and before the timestamp: the same bundle goes in again.
TEST_P(StolenReleaseKeysFromBehind, ACrashInTheMiddleIsNoObstacle) {
  auto follower = machine("follower");
  steal(GetParam());
  ASSERT_EQ(updates(follower), "wanted 6.6." + std::to_string(GetParam() - 1));
  revoke_stolen_key();
  must(release_as("anna", request("1.1.0", tree("two", 2))));
  must(rotate({.role = "snapshot", .key = "", .name = ""}));
  hand_over_everything();
  for (const auto& entry : std::filesystem::directory_iterator(place.incoming())) {
    for (const auto& [name, bytes] : snapshot_of(entry.path() / "metadata")) {
      if (name.find(".root.") == std::string::npos) top.write("seeder/repository/metadata/" + name, bytes);
    }
  }
  start_seeder();
  ASSERT_EQ(poll().taken, 1) << reasons();
  EXPECT_EQ(updates(follower), "wanted 1.1.0");
}

INSTANTIATE_TEST_SUITE_P(Versions, StolenReleaseKeysFromBehind, testing::Values(1, 2, 4));

/// Without new snapshot keys machines would refuse what is older: the seeder says so before they do.
TEST_F(StolenReleaseKeysTest, WithoutANewSnapshotKeyALowerVersionIsRefusedAndTheWayOutIsNamed) {
  auto follower = machine("follower");
  steal(4);
  ASSERT_EQ(updates(follower), "wanted 6.6.3");
  raise_floor_as_thief("6.6.3");
  ASSERT_EQ(updates(follower), "6.6.3 is the newest release for this machine");
  revoke_stolen_key();
  hand_over_everything();
  ASSERT_EQ(poll().refused, 1);
  EXPECT_NE(reasons().find("reason: rollback"), std::string::npos) << reasons();
  EXPECT_NE(reasons().find("rotate snapshot"), std::string::npos) << reasons();
  must(rotate({.role = "snapshot", .key = "", .name = ""}));
  must(release_as("anna", request("1.1.0", tree("two", 2))));
  hand_over_everything();
  ASSERT_EQ(poll().taken, 1) << reasons();
  EXPECT_EQ(updates(follower), "wanted 1.1.0") << "above the thief's floor, too";
}

/// Then machines remember the thief's version by the new key; taking the old one away makes them forget once more.
TEST_F(StolenReleaseKeysTest, ASnapshotKeyThatWasRotatedTooEarlyIsFinishedInTheSameBundle) {
  auto follower = machine("follower");
  steal(4);
  must(rotate({.role = "snapshot", .key = "", .name = ""}));
  hand_over(folder);
  ASSERT_EQ(poll().taken, 1) << reasons();
  ASSERT_EQ(updates(follower), "wanted 6.6.3");
  place_online_keys();
  revoke_stolen_key();
  must(release_as("anna", request("1.1.0", tree("two", 2))));
  must(revoke({.role = "snapshot", .key = key_of("snapshot", 0)}));
  hand_over_everything();
  ASSERT_EQ(poll().taken, 1) << reasons();
  EXPECT_EQ(updates(follower), "wanted 1.1.0");
}

/// A desk that is ahead needs no new snapshot key: its version is higher, and the raised epoch is enough for its index.
TEST_F(StolenReleaseKeysTest, ADeskThatIsAheadNeedsNoNewSnapshotKey) {
  auto follower = machine("follower");
  steal(1);
  ASSERT_EQ(updates(follower), "wanted 6.6.0");
  revoke_stolen_key();
  must(release_as("anna", request("1.1.0", tree("two", 2))));
  hand_over_everything();
  ASSERT_EQ(poll().taken, 1) << reasons();
  EXPECT_EQ(updates(follower), "wanted 1.1.0");
}

/// Nor is the owner bound to what the thief put under the names of packages.
TEST_F(StolenReleaseKeysTest, TheThiefTakesNoVersionsFromTheOwner) {
  steal(1);
  revoke_stolen_key();
  must(release_as("anna", request("6.6.0", tree("two", 2))));
  hand_over_everything();
  ASSERT_EQ(poll().taken, 1) << reasons();
  auto newcomer = machine("newcomer");
  EXPECT_EQ(updates(newcomer), "wanted 6.6.0");
}

}  // namespace
}  // namespace upswarm::tests
