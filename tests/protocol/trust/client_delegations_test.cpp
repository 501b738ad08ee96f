#include "tests/protocol/trust/client_fixture.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;

class ClientDelegations : public ClientFixture {
 protected:
  /// Adds a delegation from one delegated role to another.
  void delegate_from(const std::string& from, const std::string& role, std::vector<std::string> paths,
                     bool terminating = false) {
    if (!simulator.keys.contains(role)) simulator.keys.emplace(role, SigningKey::generate());
    const auto& key = simulator.keys.at(role);
    auto& delegations = (from == "targets" ? simulator.targets : simulator.delegated.at(from)).delegations;
    delegations.keys[key.id()] = key.public_key();
    delegations.roles.push_back({role, {{key.id()}, 1}, terminating, std::move(paths), {}});
    simulator.delegated[role].expires = clock.time + days(30);
  }
  void publish_all() {
    std::vector<std::string> roles{"targets"};
    for (const auto& [name, role] : simulator.delegated) {
      if (name.find('/') == std::string::npos) roles.push_back(name);
    }
    simulator.publish(roles);
  }
  /// The delegated roles that were asked for since the last question, in their order.
  std::vector<std::string> visited() {
    std::vector<std::string> roles;
    for (const auto& name : simulator.requests) {
      const auto dot = name.find('.');
      if (name.starts_with("metadata/1.")) roles.push_back(name.substr(dot + 1, name.size() - dot - 6));
    }
    simulator.requests.clear();
    return roles;
  }
  std::string who_says(const std::string& path) {
    const auto found = client.find(path);
    return found ? found->role : std::string(to_string(found.error().kind)) + " " + found.error().reason;
  }
};

TEST_F(ClientDelegations, ATargetIsFoundAndFetched) {
  ASSERT_TRUE(client.refresh());
  const auto found = client.find("index/app/stable/linux-x64.json");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->role, "rel-app");
  EXPECT_EQ(found->file.length, 9_B);
  EXPECT_EQ(found->consistent_name(), "index/app/stable/" + sha256("the index").hex() + ".linux-x64.json");
  EXPECT_EQ(*client.fetch("index/app/stable/linux-x64.json", 9_B), "the index");
}

TEST_F(ClientDelegations, ADelegatedRoleIsAskedForOnce) {
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  EXPECT_FALSE(client.find("index/app/stable/windows-x64.json"));
  EXPECT_EQ(simulator.requests, (std::vector<std::string>{"metadata/1.rel-app.json"}));
  simulator.requests.clear();
  ASSERT_TRUE(client.refresh());
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  EXPECT_EQ(simulator.requests, (std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json"}));
}

TEST_F(ClientDelegations, RolesThatMayNotSpeakAreNotAsked) {
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  EXPECT_EQ(who_says("index/other/stable/linux-x64.json"), "not_found ");
  EXPECT_TRUE(simulator.requests.empty());
}

TEST_F(ClientDelegations, WhatARoleMayNotSpeakOfDoesNotCount) {
  simulator.add_target("rel-app", "index/other/stable/linux-x64.json", "forged");
  simulator.publish({"rel-app"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/other/stable/linux-x64.json"), "not_found ");
}

TEST_F(ClientDelegations, TargetsItselfComesFirst) {
  simulator.add_target("targets", "index/app/stable/linux-x64.json", "by targets");
  simulator.publish({"targets"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "targets");
}

TEST_F(ClientDelegations, TheSearchGoesDownBeforeItGoesOn) {
  delegate_from("targets", "a", {"x/*"});
  delegate_from("a", "a1", {"x/*"});
  delegate_from("a", "a2", {"x/*"});
  delegate_from("a1", "a11", {"x/*"});
  delegate_from("targets", "b", {"x/*"});
  publish_all();
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  EXPECT_EQ(who_says("x/file"), "not_found ");
  EXPECT_EQ(visited(), (std::vector<std::string>{"a", "a1", "a11", "a2", "b"}));
}

TEST_F(ClientDelegations, TheFirstThatSpeaksWins) {
  delegate_from("targets", "a", {"x/*"});
  delegate_from("a", "a1", {"x/*"});
  delegate_from("targets", "b", {"x/*"});
  simulator.add_target("a1", "x/file", "one");
  simulator.add_target("b", "x/file", "two");
  publish_all();
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("x/file"), "a1");
}

TEST_F(ClientDelegations, ATerminatingRoleEndsTheSearch) {
  delegate_from("targets", "a", {"x/*"});
  delegate_from("targets", "b", {"x/*"}, true);
  delegate_from("targets", "c", {"x/*"});
  delegate_from("b", "b1", {"x/*"});
  simulator.add_target("c", "x/file", "never seen");
  publish_all();
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  EXPECT_EQ(who_says("x/file"), "not_found ");
  EXPECT_EQ(visited(), (std::vector<std::string>{"a", "b", "b1"}));
}

TEST_F(ClientDelegations, TerminatingDeepDownEndsTheBranchesAboveToo) {
  delegate_from("targets", "a", {"x/*"});
  delegate_from("targets", "b", {"x/*"});
  delegate_from("a", "a1", {"x/*"}, true);
  publish_all();
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  EXPECT_EQ(who_says("x/file"), "not_found ");
  EXPECT_EQ(visited(), (std::vector<std::string>{"a", "a1"}));
}

TEST_F(ClientDelegations, ATerminatingRoleForOtherPathsEndsNothing) {
  delegate_from("targets", "a", {"y/*"}, true);
  delegate_from("targets", "b", {"x/*"});
  simulator.add_target("b", "x/file", "b");
  publish_all();
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("x/file"), "b");
}

TEST_F(ClientDelegations, ACircleEnds) {
  delegate_from("targets", "a", {"x/*"});
  delegate_from("a", "b", {"x/*"});
  delegate_from("b", "a", {"x/*"});
  publish_all();
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  EXPECT_EQ(who_says("x/file"), "not_found ");
  EXPECT_EQ(visited(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ClientDelegations, NoMoreThan32RolesAreVisited) {
  for (int i = 0; i < 40; ++i) delegate_from("targets", "role" + std::to_string(i), {"x/*"});
  simulator.add_target("role39", "x/file", "too far");
  simulator.add_target("role30", "x/near", "near enough");
  publish_all();
  ASSERT_TRUE(client.refresh());
  simulator.requests.clear();
  EXPECT_EQ(who_says("x/file"), "not_found ");
  EXPECT_EQ(visited().size(), static_cast<std::size_t>(kMostRolesVisited) - 1) << "targets is one of them";
  EXPECT_EQ(who_says("x/near"), "role30");
}

TEST_F(ClientDelegations, NamesCannotBecomePaths) {
  delegate_from("targets", "../a b", {"x/*"});
  auto& role = simulator.delegated.at("../a b");
  simulator.add_target("../a b", "x/file", "here");
  role.version = 1;
  simulator.files["metadata/1...%2Fa%20b.json"] = seal(to_json(role), {&simulator.keys.at("../a b")});
  simulator.snapshot.meta["../a b.json"] = {1, {}, {}};
  simulator.publish({"targets"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("x/file"), "../a b");
  EXPECT_TRUE(*exists(files, folder / "trust" / "..%2Fa%20b.json"));
  EXPECT_EQ(*store.load("../a b"), simulator.files["metadata/1...%2Fa%20b.json"]);
}

TEST_F(ClientDelegations, ARoleIsVerifiedByTheKeysOfWhoDelegatesToIt) {
  // `a` and `b` both delegate to "shared", but b names a key that did not sign it.
  delegate_from("targets", "a", {"x/*"});
  delegate_from("targets", "b", {"y/*"});
  delegate_from("a", "shared", {"x/*", "y/*"});
  delegate_from("b", "shared", {"x/*", "y/*"});
  const auto stranger = SigningKey::generate();
  auto& by_b = simulator.delegated.at("b").delegations;
  by_b.keys = {{stranger.id(), stranger.public_key()}};
  by_b.roles.at(0).keys = {{stranger.id()}, 1};
  simulator.add_target("shared", "x/file", "x");
  simulator.add_target("shared", "y/file", "y");
  publish_all();
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("x/file"), "shared");
  EXPECT_EQ(who_says("y/file"), "untrusted wrong_signature");
  EXPECT_EQ(who_says("x/file"), "shared");
}

TEST_F(ClientDelegations, AStoredRoleCountsOnlyByTheKeysOfNow) {
  ASSERT_TRUE(client.refresh());
  ASSERT_EQ(who_says("index/app/stable/linux-x64.json"), "rel-app");
  simulator.keys.erase("rel-app");
  simulator.targets.delegations = {};
  delegate_from("targets", "rel-app", {"index/app/*/*"});
  simulator.publish({"targets"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "untrusted wrong_signature");
  simulator.publish({"rel-app"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "rel-app");
}

TEST_F(ClientDelegations, AThresholdOfADelegationCounts) {
  auto& role = simulator.targets.delegations.roles.at(0);
  const auto second = SigningKey::generate();
  simulator.targets.delegations.keys[second.id()] = second.public_key();
  role.keys.key_ids.push_back(second.id());
  role.keys.threshold = 2;
  simulator.publish({"targets"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "untrusted wrong_signature");
  simulator.files["metadata/1.rel-app.json"] =
      seal(to_json(simulator.delegated.at("rel-app")), {&simulator.keys.at("rel-app"), &second});
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "rel-app");
}

TEST_F(ClientDelegations, DelegatedRolesExpireAndHaveVersionsToo) {
  simulator.delegated.at("rel-app").expires = clock.time;
  simulator.publish({"rel-app"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "untrusted expired");
  simulator.delegated.at("rel-app").expires = clock.time + days(1);
  simulator.publish({"rel-app"});
  simulator.files[("metadata/3.rel-app.json")] = simulator.files.at("metadata/1.rel-app.json");
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "untrusted wrong_version");
}

TEST_F(ClientDelegations, ARoleThatTheSnapshotDoesNotListIsAMixture) {
  simulator.snapshot.meta.erase("rel-app.json");
  simulator.publish();
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "untrusted mix_and_match");
}

TEST_F(ClientDelegations, ARoleThatIsMissingIsNotTakenForOneThatIsSilent) {
  simulator.files.erase("metadata/1.rel-app.json");
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "unreachable missing");
}

TEST_F(ClientDelegations, ARoleIsVerifiedAnewForEachWhoDelegatesToIt) {
  // A and B both name "shared", B with keys that did not sign it.
  delegate_from("targets", "a", {"a/*"});
  delegate_from("targets", "b", {"b/*"});
  delegate_from("a", "shared", {"a/*"});
  const auto stranger = SigningKey::generate();
  auto& theirs = simulator.delegated.at("b").delegations;
  theirs.keys[stranger.id()] = stranger.public_key();
  theirs.roles.push_back({"shared", {{stranger.id()}, 1}, false, {"b/*"}, {}});
  simulator.add_target("shared", "a/x", "x");
  simulator.add_target("shared", "b/x", "x");
  publish_all();
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("a/x"), "shared");
  EXPECT_EQ(who_says("b/x"), "untrusted wrong_signature");
  EXPECT_EQ(who_says("a/x"), "shared");
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("b/x"), "untrusted wrong_signature") << "also when it is in memory from before";
}

TEST_F(ClientDelegations, NewKeysOfADelegatorCountAtOnce) {
  ASSERT_TRUE(client.refresh());
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  // The same rel-app as before, but targets names another key for it now: what is in memory and store must not count.
  auto& delegations = simulator.targets.delegations;
  const auto other = SigningKey::generate();
  delegations.keys = {{other.id(), other.public_key()}};
  delegations.roles.at(0).keys.key_ids = {other.id()};
  simulator.publish({"targets"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(who_says("index/app/stable/linux-x64.json"), "untrusted wrong_signature");
}

TEST_F(ClientDelegations, APathIsLookedForInItsBinAlone) {
  const auto key = SigningKey::generate();
  auto& delegations = simulator.targets.delegations;
  delegations.roles.clear();
  delegations.keys = {{key.id(), key.public_key()}};
  delegations.succinct = SuccinctRoles{.keys = {{key.id()}, 1}, .bit_length = 2, .name_prefix = "bin"};
  const std::string path = "some/target";
  const auto bin = bin_of(*delegations.succinct, path);
  for (const char* number : {"0", "1", "2", "3"}) {
    const auto name = std::string("bin-") + number;
    simulator.delegated[name].expires = clock.time + days(30);
    simulator.keys.insert_or_assign(name, std::move(*SigningKey::from_seed(key.seed())));
    if (name != bin) simulator.add_target(name, path, "from a bin that may not say so");
  }
  simulator.add_target(bin, path, "content");
  publish_all();
  ASSERT_TRUE(client.refresh());
  visited();
  EXPECT_EQ(who_says(path), bin);
  EXPECT_EQ(visited(), (std::vector<std::string>{bin}));
  EXPECT_EQ(*client.fetch(path, 1_KiB), "content");
  EXPECT_EQ(who_says("another"), "not_found ");
}

TEST_F(ClientDelegations, ARefreshWithNothingNewLeavesTheStoreInPeace) {
  ASSERT_TRUE(client.refresh());
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  // What was verified once is in memory: files that vanish under a running program are not missed.
  for (const char* role : {"timestamp", "snapshot", "targets", "rel-app"}) ASSERT_TRUE(store.remove(role));
  simulator.requests.clear();
  ASSERT_TRUE(client.refresh());
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  EXPECT_EQ(simulator.requests, (std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json"}));
}

TEST_F(ClientDelegations, TheEpochIsTheLowestOnTheWay) {
  simulator.targets.delegations.roles.at(0).epoch = 3;
  delegate_from("rel-app", "sub", {"pkg/app/*/*/*"});
  simulator.delegated.at("rel-app").delegations.roles.at(0).epoch = 9;
  simulator.add_target("sub", "pkg/app/a/b/c", "x");
  simulator.add_target("targets", "direct", "x");
  publish_all();
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(client.find("index/app/stable/linux-x64.json")->epoch, 3);
  EXPECT_EQ(client.find("pkg/app/a/b/c")->epoch, 3);
  EXPECT_GT(client.find("direct")->epoch, 1000);
}

TEST_F(ClientDelegations, WrongBytesOfATargetAreCorrupt) {
  ASSERT_TRUE(client.refresh());
  const std::string path = "index/app/stable/linux-x64.json";
  auto& file = simulator.files.at("targets/" + client.find(path)->consistent_name());
  for (const std::string wrong : {"the indeX", "the", ""}) {
    file = wrong;
    EXPECT_EQ(client.fetch(path, 1_KiB).error().kind, ErrorKind::corrupt) << wrong;
  }
  file = "the index and more";
  EXPECT_EQ(client.fetch(path, 1_KiB).error().reason, "too_long");
  file = "the index";
  EXPECT_EQ(client.fetch(path, 8_B).error().reason, "too_long");
  EXPECT_TRUE(client.fetch(path, 9_B));
  simulator.files.clear();
  EXPECT_EQ(client.fetch(path, 9_B).error().kind, ErrorKind::unreachable) << "signed, so not to be taken for unknown";
}

TEST_F(ClientDelegations, FindNeedsARefresh) { EXPECT_EQ(who_says("x"), "invalid "); }

TEST_F(ClientDelegations, LoadingAsksNobody) {
  ASSERT_TRUE(client.refresh());
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  TrustClient later(store, simulator, ed25519_verifier(), clock);
  simulator.requests.clear();
  clock.advance(days(100));
  const auto loaded = later.load();
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_TRUE(later.find("index/app/stable/linux-x64.json"));
  EXPECT_TRUE(simulator.requests.empty());
  EXPECT_LT(later.expires_first().time, clock.time);
  EXPECT_EQ(later.files(), client.files());
  EXPECT_EQ(later.root_version(), 1);
  EXPECT_EQ(later.timestamp_version(), 1);
}

TEST_F(ClientDelegations, LoadingVerifies) {
  EXPECT_EQ(load().error().kind, ErrorKind::not_found) << "only a root is there";
  ASSERT_TRUE(client.refresh());
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    const auto whole = *store.load(role);
    auto json = Json::parse(whole);
    json["signed"]["expires"] = "2099-01-01T00:00:00Z";
    ASSERT_TRUE(store.save(role, json.dump()));
    EXPECT_EQ(why(load()), "untrusted wrong_signature") << role;
    ASSERT_TRUE(store.save(role, whole));
  }
  EXPECT_TRUE(load());
}

TEST_F(ClientDelegations, LoadingRefusesAMixture) {
  ASSERT_TRUE(client.refresh());
  simulator.publish({"targets"});
  ASSERT_TRUE(store.save("timestamp", simulator.files.at("metadata/timestamp.json")));
  EXPECT_EQ(why(load()), "untrusted mix_and_match");
  ASSERT_TRUE(store.save("snapshot", simulator.files.at("metadata/2.snapshot.json")));
  EXPECT_EQ(why(load()), "untrusted mix_and_match");
  ASSERT_TRUE(store.save("targets", simulator.files.at("metadata/2.targets.json")));
  EXPECT_EQ(why(load()), "ok");
}

TEST_F(ClientDelegations, FilesAreThoseInUse) {
  EXPECT_TRUE(client.files().empty());
  EXPECT_TRUE(client.expires_first().role.empty());
  simulator.timestamp.expires = clock.time + days(2);
  simulator.delegated.at("rel-app").expires = clock.time + days(1);
  simulator.publish({"rel-app"});
  ASSERT_TRUE(client.refresh());
  EXPECT_EQ(client.expires_first().role, "timestamp");
  ASSERT_TRUE(client.find("index/app/stable/linux-x64.json"));
  EXPECT_EQ(client.expires_first().role, "rel-app");
  EXPECT_EQ(client.expires_first().time, clock.time + days(1));
  const auto handed_on = client.files();
  EXPECT_EQ(handed_on.size(), 5U);
  for (const auto& [name, bytes] : handed_on) EXPECT_EQ(bytes, simulator.files.at("metadata/" + name)) << name;
}

}  // namespace
}  // namespace upswarm::trust
