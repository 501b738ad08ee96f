#include "seeder/api_keys.hpp"

#include <gtest/gtest.h>

#include "seeder/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

class ApiKeysTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  Database database = std::move(*Database::open(folder / "db", kMigrations));
  ApiKeys keys{database};
  Time now{std::chrono::seconds(1'800'000'000)};
};

TEST_F(ApiKeysTest, KnowsItsKeysAndTheirScopes) {
  const auto secret = keys.make("desk", {Scope::upload, Scope::read}, now);
  ASSERT_TRUE(secret);
  const auto key = keys.check(*secret);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name, "desk");
  EXPECT_TRUE(key->may(Scope::read));
  EXPECT_TRUE(key->may(Scope::upload));
  EXPECT_FALSE(key->may(Scope::rollout));
}

TEST_F(ApiKeysTest, RefusesWhatIsNoKey) {
  const auto secret = *keys.make("desk", {Scope::read}, now);
  for (const auto& wrong : {std::string(), secret + "0", secret.substr(1), std::string("desk")}) {
    const auto key = keys.check(wrong);
    ASSERT_FALSE(key) << wrong;
    EXPECT_EQ(key.error().kind, ErrorKind::denied);
    EXPECT_EQ(key.error().reason, "api_key");
  }
}

TEST_F(ApiKeysTest, StoresNoSecret) {
  const auto secret = *keys.make("desk", {Scope::read}, now);
  const auto rows = database.run("SELECT name || scopes || sha256 || created FROM api_keys");
  EXPECT_EQ(rows->at(0).text(0).find(secret.substr(10)), std::string::npos);
}

TEST_F(ApiKeysTest, RevokesForGood) {
  const auto secret = *keys.make("desk", {Scope::read}, now);
  ASSERT_TRUE(keys.revoke("desk", now));
  EXPECT_FALSE(keys.check(secret));
  EXPECT_EQ(keys.revoke("desk", now).error().kind, ErrorKind::not_found);
  ASSERT_EQ(keys.list()->size(), 1U);
  EXPECT_TRUE(keys.list()->front().revoked);
  EXPECT_FALSE(keys.make("desk", {Scope::read}, now)) << "a revoked name does not come back";
}

TEST_F(ApiKeysTest, RefusesBadNamesAndNoScope) {
  EXPECT_EQ(keys.make("a b", {Scope::read}, now).error().kind, ErrorKind::invalid);
  EXPECT_EQ(keys.make("desk", {}, now).error().kind, ErrorKind::invalid);
  EXPECT_EQ(parse_scope("everything").error().kind, ErrorKind::invalid);
}

TEST_F(ApiKeysTest, EveryKeyThatMayBeMadeIsKnown) {
  ASSERT_TRUE(
      database.run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO "
                   "api_keys SELECT 'a' || i, 'read', '', '', NULL FROM n",
                   {kMostApiKeys - 1}));
  const auto secret = keys.make("z-last", {Scope::read}, now);
  ASSERT_TRUE(secret);
  EXPECT_TRUE(keys.check(*secret));
  EXPECT_EQ(keys.make("one-more", {Scope::read}, now).error().kind, ErrorKind::busy);
}

}  // namespace
}  // namespace upswarm::seeder
