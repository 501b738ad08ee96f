#include "tests/protocol/trust/client_fixture.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;
using ClientRoots = ClientFixture;

TEST_F(ClientRoots, WithoutAFirstRootNothingIsAsked) {
  ASSERT_TRUE(store.remove("root"));
  EXPECT_EQ(refresh_says(), "not_found no_root");
  EXPECT_TRUE(simulator.requests.empty());
}

TEST_F(ClientRoots, AFirstRefreshAsksEachFileOnce) {
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(simulator.requests, (std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json",
                                                          "metadata/1.snapshot.json", "metadata/1.targets.json"}));
}

TEST_F(ClientRoots, AnUnchangedRefreshAsksTwoFiles) {
  ASSERT_EQ(refresh_says(), "ok");
  simulator.requests.clear();
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(simulator.requests, (std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json"}));
}

TEST_F(ClientRoots, OnlyWhatChangedIsFetched) {
  ASSERT_EQ(refresh_says(), "ok");
  simulator.requests.clear();
  simulator.publish({"rel-app"});
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(simulator.requests,
            (std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json", "metadata/2.snapshot.json"}));
}

TEST_F(ClientRoots, FilesAreStoredAsServed) {
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(*store.load("timestamp"), simulator.files.at("metadata/timestamp.json"));
  EXPECT_EQ(*store.load("snapshot"), simulator.files.at("metadata/1.snapshot.json"));
  EXPECT_EQ(*store.load("targets"), simulator.files.at("metadata/1.targets.json"));
}

TEST_F(ClientRoots, EveryRootInBetweenIsFollowed) {
  for (int i = 0; i < 3; ++i) {
    simulator.rotate_key("root");
    simulator.publish_root();
  }
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(client.root_version(), 4);
  EXPECT_EQ(stored_version("root"), 4);
  EXPECT_EQ(simulator.requests.at(3), "metadata/5.root.json");
}

TEST_F(ClientRoots, NoMoreThan32RootsInOneRefresh) {
  for (int i = 0; i < 40; ++i) simulator.publish_root();
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(stored_version("root"), 33);
  ASSERT_EQ(refresh_says(), "ok");
  EXPECT_EQ(stored_version("root"), 41);
}

TEST_F(ClientRoots, ARootNotSignedByTheOneBeforeIsRefused) {
  const auto stranger = SigningKey::generate();
  simulator.root.keys[stranger.id()] = stranger.public_key();
  simulator.root.roles["root"] = {{stranger.id()}, 1};
  simulator.root.version = 2;
  simulator.files["metadata/2.root.json"] = seal(to_json(simulator.root), {&stranger});
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature");
  EXPECT_EQ(stored_version("root"), 1);
}

TEST_F(ClientRoots, ARootNotSignedByItselfIsRefused) {
  const auto& old = simulator.keys.at("root");
  const auto next = SigningKey::generate();
  simulator.root.keys[next.id()] = next.public_key();
  simulator.root.roles["root"] = {{next.id()}, 1};
  simulator.root.version = 2;
  simulator.files["metadata/2.root.json"] = seal(to_json(simulator.root), {&old});
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature");
}

TEST_F(ClientRoots, BothThresholdsCount) {
  const auto first = SigningKey::generate();
  const auto second = SigningKey::generate();
  for (const auto* key : {&first, &second}) simulator.root.keys[key->id()] = key->public_key();
  simulator.root.roles["root"] = {{first.id(), second.id()}, 2};
  simulator.root.version = 2;
  auto& file = simulator.files["metadata/2.root.json"];
  file = seal(to_json(simulator.root), {&simulator.keys.at("root"), &first});
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature");
  file = seal(to_json(simulator.root), {&simulator.keys.at("root"), &first, &second});
  EXPECT_EQ(refresh_says(), "ok");

  simulator.root.version = 3;
  simulator.files["metadata/3.root.json"] = seal(to_json(simulator.root), {&first});
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature") << "the threshold of the old root";
}

TEST_F(ClientRoots, TheNextRootMustBeTheNextVersion) {
  for (const auto& [version, reason] :
       {std::pair<RoleVersion, const char*>{1, "untrusted rollback"}, {3, "untrusted wrong_version"}}) {
    simulator.root.version = version;
    sign("root", to_json(simulator.root), "2.root.json");
    EXPECT_EQ(refresh_says(), reason);
    EXPECT_EQ(stored_version("root"), 1);
  }
}

TEST_F(ClientRoots, OnlyNotFoundMeansThatThereIsNoNewerRoot) {
  for (const auto kind : {ErrorKind::unreachable, ErrorKind::cancelled, ErrorKind::corrupt}) {
    simulator.failures["metadata/2.root.json"] = Error{kind, "test", ""};
    const auto result = refresh();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, kind);
    EXPECT_EQ(simulator.requests.back(), "metadata/2.root.json") << "and the cycle ends there";
  }
}

TEST_F(ClientRoots, TheLastRootMustNotHaveExpired) {
  clock.time = simulator.root.expires;
  EXPECT_EQ(refresh_says(), "untrusted expired") << "the very second of expiry is too late";
  clock.time -= std::chrono::seconds(1);
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientRoots, AnExpiredRootOnTheWayIsNoObstacle) {
  simulator.root.expires = clock.time - days(1);
  simulator.publish_root();
  simulator.root.expires = clock.time + days(1);
  simulator.publish_root();
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientRoots, AnExpiredLastRootIsStillKept) {
  simulator.root.expires = clock.time - days(1);
  simulator.publish_root();
  EXPECT_EQ(refresh_says(), "untrusted expired");
  EXPECT_EQ(stored_version("root"), 2) << "5.3.8 comes before 5.3.10";
}

TEST_F(ClientRoots, RolesAreVerifiedByTheKeysOfTheNewRoot) {
  ASSERT_EQ(refresh_says(), "ok");
  simulator.rotate_key("targets");
  simulator.publish_root();
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature")
      << "the old targets in the store counts no more, the same is served";
  simulator.publish({"targets"});
  EXPECT_EQ(refresh_says(), "ok");
}

TEST_F(ClientRoots, TooLongARootIsRefused) {
  simulator.files["metadata/2.root.json"] = std::string(65 * 1024, ' ');
  EXPECT_EQ(refresh_says(), "corrupt too_long");
}

/// A source that does not keep to what it was asked.
class BoundlessSource final : public RepositorySource {
 public:
  Result<std::string> metadata(const std::string& name, Bytes /*longest*/) override {
    if (name == "2.root.json") return Error{ErrorKind::not_found, name, ""};
    return std::string(17 * 1024, ' ');
  }
  Result<std::string> target(const std::string& /*name*/, Bytes /*longest*/) override { return std::string(); }
};

TEST_F(ClientRoots, ASourceThatGivesMoreThanAskedIsNotBelieved) {
  BoundlessSource boundless;
  TrustClient other(store, boundless, ed25519_verifier(), clock);
  EXPECT_EQ(why(other.refresh()), "corrupt too_long");
}

TEST_F(ClientRoots, RotatedKeysRecoverFromAFastForward) {
  for (const std::string role : {"timestamp", "snapshot"}) {
    // Somebody with the online keys signs the highest versions there are.
    const auto timestamp = simulator.timestamp;
    const auto snapshot = simulator.snapshot;
    simulator.snapshot.version = 1'000'000;
    simulator.snapshot.meta["rel-app.json"].version = 1'000'000;
    simulator.timestamp.version = 1'000'000;
    simulator.publish_snapshot();
    ASSERT_EQ(refresh_says(), "ok");
    simulator.timestamp = timestamp;
    simulator.snapshot = snapshot;
    simulator.publish();
    EXPECT_EQ(refresh_says(), "untrusted rollback");

    simulator.rotate_key(role);
    simulator.publish_root();
    simulator.publish();
    EXPECT_EQ(refresh_says(), "ok") << role;
    EXPECT_EQ(stored_version("snapshot"), simulator.snapshot.version);
  }
}

TEST_F(ClientRoots, OtherChangesOfTheRootForgiveNoRollback) {
  simulator.publish();
  ASSERT_EQ(refresh_says(), "ok");
  simulator.rotate_key("root");
  simulator.rotate_key("targets");
  simulator.publish_root();
  simulator.timestamp.version = 1;
  simulator.publish_timestamp();
  EXPECT_EQ(refresh_says(), "untrusted rollback");
}

TEST_F(ClientRoots, AnAlteredRootInTheStoreIsNoticed) {
  auto json = Json::parse(*store.load("root"));
  json["signed"]["expires"] = "2099-01-01T00:00:00Z";
  ASSERT_TRUE(store.save("root", json.dump()));
  EXPECT_EQ(refresh_says(), "untrusted wrong_signature");
}

}  // namespace
}  // namespace upswarm::trust
