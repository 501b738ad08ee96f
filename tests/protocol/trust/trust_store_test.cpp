#include "tests/protocol/trust/client_fixture.hpp"

namespace upswarm::trust {
namespace {

class TrustStoreTest : public testing::Test {
 protected:
  tests::FakeClock clock;
  tests::RepositorySimulator simulator{clock};
  tests::TemporaryFolder folder;
  TrustStore store = std::move(*TrustStore::open(system_files(), folder / "deep/trust"));
  const std::string root = simulator.files.at("metadata/1.root.json");
};

TEST_F(TrustStoreTest, TheFirstRootIsKeptAsGiven) {
  ASSERT_TRUE(store.place_first_root(root, ed25519_verifier()));
  EXPECT_EQ(*store.load("root"), root);
}

TEST_F(TrustStoreTest, AnExistingRootWins) {
  ASSERT_TRUE(store.place_first_root(root, ed25519_verifier()));
  const tests::RepositorySimulator other(clock);
  ASSERT_TRUE(store.place_first_root(other.files.at("metadata/1.root.json"), ed25519_verifier()));
  EXPECT_EQ(*store.load("root"), root);
}

TEST_F(TrustStoreTest, ARootThatDoesNotSignItselfIsRefused) {
  auto json = Json::parse(root);
  json["signed"]["version"] = 2;
  EXPECT_EQ(why(store.place_first_root(json.dump(), ed25519_verifier())), "untrusted wrong_signature");
  EXPECT_EQ(why(store.place_first_root("{}", ed25519_verifier())), "corrupt");
  EXPECT_EQ(why(store.place_first_root(std::string(70'000, ' '), ed25519_verifier())), "corrupt too_long");
  EXPECT_EQ(why(store.place_first_root(simulator.files.at("metadata/1.targets.json"), ed25519_verifier())), "corrupt");
  EXPECT_EQ(store.load("root").error().kind, ErrorKind::not_found);
}

TEST_F(TrustStoreTest, AnExpiredRootMayBeTheFirst) {
  simulator.root.expires = clock.time - std::chrono::days(400);
  simulator.publish_root();
  EXPECT_TRUE(store.place_first_root(simulator.files.at("metadata/2.root.json"), ed25519_verifier()));
}

TEST_F(TrustStoreTest, WhatIsSavedComesBack) {
  EXPECT_EQ(store.load("timestamp").error().kind, ErrorKind::not_found);
  ASSERT_TRUE(store.save("timestamp", "one"));
  ASSERT_TRUE(store.save("timestamp", "two"));
  EXPECT_EQ(*store.load("timestamp"), "two");
  ASSERT_TRUE(store.remove("timestamp"));
  ASSERT_TRUE(store.remove("timestamp")) << "nothing there is success";
  EXPECT_EQ(store.load("timestamp").error().kind, ErrorKind::not_found);
}

TEST_F(TrustStoreTest, RoleNamesStayInTheFolder) {
  const std::vector<std::string> names{"../outside", "a/b",      "a\\b", "C:x", ".",
                                       "..",         "\xc3\xa4", "a b",  "%2F", "a%2Fb"};
  for (const auto& name : names) ASSERT_TRUE(store.save(name, name)) << name;
  for (const auto& name : names) EXPECT_EQ(*store.load(name), name);
  const auto kept = system_files().list(folder / "deep/trust");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), names.size() + 1) << "and the lock";
  EXPECT_EQ(system_files().list(folder / "deep")->size(), 1U);
}

TEST_F(TrustStoreTest, TheLongestRoleNameIsAFileName) {
  const std::string name(kLongestRoleName, '/');
  EXPECT_TRUE(store.save(name, "x"));
  EXPECT_EQ(*store.load(name), "x");
}

}  // namespace
}  // namespace upswarm::trust
