#include "tests/protocol/trust/client_fixture.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;
using ClientAttacks = ClientFixture;

TEST_F(ClientAttacks, EachRoleNeedsItsOwnKey) {
  const auto stranger = SigningKey::generate();
  const std::map<std::string, Json> contents{{"timestamp.json", to_json(simulator.timestamp)},
                                             {"1.targets.json", to_json(simulator.targets)}};
  for (const auto& [name, content] : contents) {
    const auto whole = simulator.files.at("metadata/" + name);
    for (const SigningKey* key :
         std::vector<const SigningKey*>{&stranger, &simulator.keys.at("snapshot"), &simulator.keys.at("root")}) {
      simulator.files["metadata/" + name] = seal(content, {key});
      EXPECT_EQ(refresh_says(), "untrusted wrong_signature") << name;
    }
    simulator.files["metadata/" + name] = whole;
  }
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientAttacks, ASnapshotBySomebodyElseIsRefused) {
  const auto bytes = seal(to_json(simulator.snapshot), {&simulator.keys.at("targets")});
  simulator.files["metadata/1.snapshot.json"] = bytes;
  simulator.timestamp.snapshot = {1, {}, {}};
  ++simulator.timestamp.version;
  simulator.publish_timestamp();
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature");
}

TEST_F(ClientAttacks, AnOlderTimestampIsARollback) {
  const auto before = simulator.files.at("metadata/timestamp.json");
  simulator.publish();
  ASSERT_EQ(refresh_says(), "ok");
  simulator.files["metadata/timestamp.json"] = before;
  EXPECT_EQ(refresh_says(), "untrusted rollback");
  EXPECT_EQ(stored_version("timestamp"), 2);
}

TEST_F(ClientAttacks, ATimestampOfTheSameVersionIsNotTakenInPlaceOfTheOld) {
  ASSERT_EQ(refresh_says(), "ok");
  const auto before = *store.load("timestamp");
  simulator.timestamp.expires += days(1);
  simulator.publish_timestamp();
  EXPECT_EQ(refresh_says(), "ok");
  EXPECT_EQ(*store.load("timestamp"), before);
}

TEST_F(ClientAttacks, ANewerTimestampMayNotNameAnOlderSnapshot) {
  simulator.publish();
  ASSERT_EQ(refresh_says(), "ok");
  simulator.timestamp.snapshot.version = 1;
  ++simulator.timestamp.version;
  simulator.publish_timestamp();
  EXPECT_EQ(refresh_says(), "untrusted rollback");
}

TEST_F(ClientAttacks, AFrozenRepositoryIsNoticedWhenItsTimestampExpires) {
  simulator.timestamp.expires = clock.time + days(1);
  simulator.publish();
  ASSERT_EQ(refresh_says(), "ok");
  clock.advance(days(1));
  EXPECT_EQ(refresh_says(), "untrusted expired");
}

TEST_F(ClientAttacks, AnExpiredTimestampIsNotStored) {
  ASSERT_EQ(refresh_says(), "ok");
  simulator.timestamp.expires = clock.time;
  simulator.publish();
  EXPECT_EQ(refresh_says(), "untrusted expired");
  EXPECT_EQ(stored_version("timestamp"), 1);
}

TEST_F(ClientAttacks, AnExpiredFileInTheStoreIsNoObstacle) {
  simulator.timestamp.expires = simulator.snapshot.expires = simulator.targets.expires = clock.time + days(1);
  simulator.publish({"targets"});
  ASSERT_EQ(refresh_says(), "ok");
  clock.advance(days(2));
  simulator.timestamp.expires = simulator.snapshot.expires = simulator.targets.expires = clock.time + days(1);
  simulator.publish({"targets"});
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientAttacks, ExpiredSnapshotsAndTargetsAreRefused) {
  simulator.snapshot.expires = clock.time;
  simulator.publish();
  EXPECT_EQ(refresh_says(), "untrusted expired");
  EXPECT_EQ(stored_version("snapshot"), 0);
  simulator.snapshot.expires = clock.time + days(1);
  simulator.targets.expires = clock.time;
  simulator.publish({"targets"});
  EXPECT_EQ(refresh_says(), "untrusted expired");
  EXPECT_EQ(stored_version("targets"), 0);
}

TEST_F(ClientAttacks, ARoleThatExpiredInTheStoreIsExpired) {
  simulator.targets.expires = clock.time + days(1);
  simulator.publish({"targets"});
  ASSERT_EQ(refresh_says(), "ok");
  clock.advance(days(1));
  EXPECT_EQ(refresh_says(), "untrusted expired");
}

TEST_F(ClientAttacks, AProgramThatRunsOnLooksAtTheTimeInEachRefresh) {
  ASSERT_TRUE(client.refresh());
  clock.time = simulator.root.expires;
  EXPECT_EQ(why(client.refresh()), "untrusted expired");
}

/// A clock that moves on whenever somebody looks.
class RestlessClock final : public Clock {
 public:
  explicit RestlessClock(Time start) : time_(start) {}
  Time now() const override { return time_ += days(20); }

 private:
  mutable Time time_;
};

TEST_F(ClientAttacks, TheTimeIsLookedAtOnce) {
  const RestlessClock restless(clock.time);
  TrustClient other(store, simulator, ed25519_verifier(), restless);
  EXPECT_TRUE(other.refresh());
  EXPECT_TRUE(other.find("index/app/stable/linux-x64.json"));
}

TEST_F(ClientAttacks, AnotherSnapshotThanTheTimestampSaysIsAMixture) {
  simulator.snapshot.expires += days(1);
  sign("snapshot", to_json(simulator.snapshot), "1.snapshot.json");
  EXPECT_EQ(refresh_says(), "untrusted mix_and_match");
}

TEST_F(ClientAttacks, LengthAloneIsCheckedToo) {
  simulator.timestamp.snapshot.sha256.reset();
  simulator.timestamp.snapshot.length = *simulator.timestamp.snapshot.length + 1_B;
  simulator.publish_timestamp();
  EXPECT_EQ(refresh_says(), "untrusted mix_and_match");
  ++simulator.timestamp.version;
  simulator.timestamp.snapshot.length = 10_B;
  simulator.publish_timestamp();
  EXPECT_EQ(refresh_says(), "corrupt too_long");
  ++simulator.timestamp.version;
  simulator.timestamp.snapshot.length = 2_MiB;
  simulator.publish_timestamp();
  simulator.requests.clear();
  EXPECT_EQ(refresh_says(), "corrupt too_long");
  EXPECT_EQ(simulator.requests.back(), "metadata/timestamp.json") << "it is not even asked for";
}

TEST_F(ClientAttacks, TheVersionInsideMustBeTheOneNamed) {
  simulator.timestamp.snapshot = {2, {}, {}};
  simulator.publish_timestamp();
  sign("snapshot", to_json(simulator.snapshot), "2.snapshot.json");
  EXPECT_EQ(refresh_says(), "untrusted wrong_version");

  simulator.snapshot.meta["targets.json"].version = 2;
  simulator.publish();
  sign("targets", to_json(simulator.targets), "2.targets.json");
  EXPECT_EQ(refresh_says(), "untrusted wrong_version");
}

TEST_F(ClientAttacks, NothingThatTheSnapshotListsMayGoBack) {
  simulator.publish({"targets", "rel-app"});
  ASSERT_EQ(refresh_says(), "ok");
  for (const std::string name : {"targets.json", "rel-app.json"}) {
    const auto before = simulator.snapshot;
    simulator.snapshot.meta[name].version = 1;
    simulator.publish();
    EXPECT_EQ(refresh_says(), "untrusted rollback") << name;
    simulator.snapshot.meta = before.meta;
  }
  simulator.publish();
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientAttacks, ARoleThatVanishesFromTheSnapshotIsARollback) {
  ASSERT_EQ(refresh_says(), "ok");
  simulator.snapshot.meta.erase("rel-app.json");
  simulator.publish();
  EXPECT_EQ(refresh_says(), "untrusted rollback");
}

TEST_F(ClientAttacks, AnotherTargetsThanTheSnapshotSaysIsAMixture) {
  simulator.snapshot.meta["targets.json"].sha256 = sha256(simulator.files.at("metadata/1.targets.json"));
  simulator.publish();
  ASSERT_EQ(refresh_says(), "ok");
  ASSERT_TRUE(store.remove("targets"));
  simulator.targets.expires += days(1);
  sign("targets", to_json(simulator.targets), "1.targets.json");
  EXPECT_EQ(refresh_says(), "untrusted mix_and_match");
}

TEST_F(ClientAttacks, AFileThatIsPromisedButMissingIsNotTakenForNotSigned) {
  simulator.files.erase("metadata/1.snapshot.json");
  EXPECT_EQ(refresh_says(), "unreachable missing");
}

TEST_F(ClientAttacks, ADamagedStoreIsFetchedAnew) {
  ASSERT_EQ(refresh_says(), "ok");
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    ASSERT_TRUE(store.save(role, "rubbish"));
    EXPECT_EQ(refresh_says(), "ok") << role;
    EXPECT_EQ(stored_version(role), 1) << role;
  }
}

TEST_F(ClientAttacks, WithoutConsistentSnapshotsNamesHaveNoVersion) {
  simulator.root.consistent_snapshot = false;
  simulator.publish_root();
  for (const std::string role : {"snapshot", "targets", "rel-app"}) {
    simulator.files["metadata/" + role + ".json"] = simulator.files.at("metadata/1." + role + ".json");
  }
  simulator.files["targets/index/app/stable/linux-x64.json"] = "the index";
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(simulator.requests.back(), "metadata/targets.json");
  EXPECT_EQ(*client.fetch("index/app/stable/linux-x64.json", 1_KiB), "the index");
}

TEST_F(ClientAttacks, AfterAnErrorNothingIsFoundAnyMore) {
  ASSERT_TRUE(client.refresh());
  simulator.failures["metadata/timestamp.json"] = Error{ErrorKind::unreachable, "test", ""};
  ASSERT_FALSE(client.refresh());
  EXPECT_FALSE(client.find("index/app/stable/linux-x64.json"));
  ASSERT_TRUE(client.load()) << "but what was accepted is still there";
  EXPECT_FALSE(client.find("nowhere"));
}

class ClientTime : public ClientFixture {
 protected:
  static constexpr auto kDay = std::chrono::hours(24);

  ClientTime() { sign_day(); }
  /// As the seeder does: a timestamp that lives for a day.
  void sign_day() {
    simulator.timestamp.expires = clock.time + kDay;
    simulator.publish();
  }
};

TEST_F(ClientTime, AClockThatWasSetBackRevivesNothing) {
  simulator.targets.expires = clock.time + 3 * kDay;
  simulator.publish({"targets"});
  ASSERT_EQ(refresh_says(), "ok");
  const auto first_day = simulator.files;
  clock.advance(4 * kDay);
  sign_day();
  EXPECT_EQ(refresh_says(), "untrusted expired") << "targets, and that the timestamp is of today is known now";
  clock.advance(-4 * kDay);
  EXPECT_EQ(refresh_says(), "untrusted expired");
  TrustClient fresh(store, simulator, ed25519_verifier(), clock);
  EXPECT_FALSE(fresh.refresh());
  EXPECT_EQ(fresh.now(), clock.time + 4 * kDay);
}

TEST_F(ClientTime, AClockThatIsAheadCounts) {
  ASSERT_EQ(refresh_says(), "ok");
  clock.advance(kDay);
  EXPECT_EQ(refresh_says(), "untrusted expired");
}

TEST_F(ClientTime, WithoutAProfileTheClockAloneCounts) {
  ASSERT_EQ(refresh_says(), "ok");
  clock.advance(-10 * kDay);
  TrustClient foreign(store, simulator, ed25519_verifier(), clock, Profile{});
  ASSERT_TRUE(foreign.refresh());
  EXPECT_EQ(foreign.now(), clock.time);
}

TEST_F(ClientTime, ATimestampFromTheFarFutureIsGoneWhenItsKeyIs) {
  ASSERT_EQ(refresh_says(), "ok");
  simulator.timestamp.expires = clock.time + 40'000 * kDay;
  simulator.publish();
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(refresh_says(), "untrusted expired") << "by that time all else has expired";
  simulator.rotate_key("timestamp");
  simulator.publish_root();
  sign_day();
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientTime, TwoProgramsDoNotShareAStore) {
  const auto second = TrustStore::open(system_files(), folder / "trust");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
}

}  // namespace
}  // namespace upswarm::trust
