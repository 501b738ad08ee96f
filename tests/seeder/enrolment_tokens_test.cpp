#include "seeder/enrolment_tokens.hpp"

#include <gtest/gtest.h>

#include "protocol/messages/enrolment.hpp"
#include "seeder/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

class EnrolmentTokensTest : public testing::Test {
 protected:
  std::string make(const std::string& name, std::int64_t uses = 1) {
    const auto secret = tokens.make(name, uses, now + std::chrono::hours(24), now);
    EXPECT_TRUE(secret) << secret.error().message();
    return secret ? *secret : "";
  }
  std::string reason(const std::string& secret, Time at) {
    const auto name = tokens.check(secret, at);
    if (name) return "good: " + *name;
    EXPECT_EQ(name.error().kind, ErrorKind::denied);
    return name.error().reason;
  }

  tests::TemporaryFolder folder;
  Database database = std::move(*Database::open(folder / "db", kMigrations));
  EnrolmentTokens tokens{database};
  Time now{std::chrono::seconds(1'800'000'000)};
};

TEST_F(EnrolmentTokensTest, KnowsItsTokens) {
  const auto first = make("first");
  const auto second = make("second");
  EXPECT_TRUE(messages::parse_token(first));
  EXPECT_NE(first, second);
  EXPECT_EQ(reason(first, now), "good: first");
  EXPECT_EQ(reason(second, now), "good: second");
}

TEST_F(EnrolmentTokensTest, RefusesWhatIsNoToken) {
  const auto secret = make("first");
  for (const auto& wrong : {std::string(), std::string("first"), secret + "0", secret.substr(0, secret.size() - 1)})
    EXPECT_EQ(reason(wrong, now), "token_unknown") << wrong;
}

TEST_F(EnrolmentTokensTest, EndsAtItsTime) {
  const auto secret = make("first");
  EXPECT_EQ(reason(secret, now + std::chrono::hours(24) - std::chrono::seconds(1)), "good: first");
  EXPECT_EQ(reason(secret, now + std::chrono::hours(24)), "token_expired");
}

TEST_F(EnrolmentTokensTest, EndsWithItsUses) {
  const auto secret = make("first", 2);
  ASSERT_TRUE(tokens.use("first"));
  EXPECT_EQ(reason(secret, now), "good: first");
  ASSERT_TRUE(tokens.use("first"));
  EXPECT_EQ(reason(secret, now), "token_used_up");
  EXPECT_EQ(tokens.list()->at(0).used, 2);
}

TEST_F(EnrolmentTokensTest, RevokesForGood) {
  const auto secret = make("first", 10);
  ASSERT_TRUE(tokens.revoke("first", now));
  EXPECT_EQ(reason(secret, now), "token_revoked");
  EXPECT_EQ(tokens.revoke("first", now).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(tokens.list()->at(0).revoked);
  EXPECT_FALSE(tokens.make("first", 1, now, now)) << "a revoked name does not come back";
}

TEST_F(EnrolmentTokensTest, StoresNoSecret) {
  const auto secret = make("first");
  const auto row = database.run("SELECT name || sha256 || created || expires FROM enrolment_tokens")->at(0).text(0);
  EXPECT_EQ(row.find(secret.substr(messages::kTokenPrefix.size())), std::string::npos);
}

TEST_F(EnrolmentTokensTest, HasBounds) {
  EXPECT_EQ(tokens.make("a b", 1, now, now).error().kind, ErrorKind::invalid);
  EXPECT_EQ(tokens.make("none", 0, now, now).error().kind, ErrorKind::invalid);
  EXPECT_EQ(tokens.make("many", kMostUses + 1, now, now).error().kind, ErrorKind::invalid);
  ASSERT_TRUE(
      database.run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO "
                   "enrolment_tokens SELECT 't' || i, '', 1, 0, '', '2030-01-01T00:00:00Z', NULL FROM n",
                   {kMostTokens}));
  EXPECT_EQ(tokens.make("one-more", 1, now, now).error().kind, ErrorKind::busy);
  ASSERT_TRUE(tokens.revoke("t1", now));
  EXPECT_EQ(reason(make("one-more"), now), "good: one-more");
}

}  // namespace
}  // namespace upswarm::seeder
