#include "seeder/machines.hpp"

#include <gtest/gtest.h>

#include "seeder/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

const std::string kKey(64, 'a');
const std::string kOtherKey(64, 'b');

class MachinesTest : public testing::Test {
 protected:
  std::string make_token(const std::string& name, std::int64_t uses) {
    return *tokens.make(name, uses, now + std::chrono::hours(24), now);
  }
  /// "new", "known", or the reason of the refusal.
  std::string enrol(const std::string& machine, const std::string& key, const std::string& token) {
    const auto is_new = machines.enrol({machine, key, token}, now);
    if (is_new) return *is_new ? "new" : "known";
    EXPECT_EQ(is_new.error().kind, ErrorKind::denied) << is_new.error().message();
    return is_new.error().reason;
  }
  std::int64_t used(std::size_t token = 0) { return tokens.list()->at(token).used; }

  tests::TemporaryFolder folder;
  Database database = std::move(*Database::open(folder / "db", kMigrations));
  EnrolmentTokens tokens{database};
  Machines machines{database};
  Time now{std::chrono::seconds(1'800'000'000)};
};

TEST_F(MachinesTest, BindsAnIdToAKeyOnce) {
  const auto token = make_token("desk", 5);
  EXPECT_EQ(enrol("m-1", kKey, token), "new");
  const auto machine = *machines.find("m-1");
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->public_key, kKey);
  EXPECT_EQ(machine->token, "desk");
  EXPECT_FALSE(machine->revoked);
  EXPECT_EQ(used(), 1);
  EXPECT_EQ(enrol("m-1", kOtherKey, token), "machine_taken");
  EXPECT_EQ((*machines.find("m-1"))->public_key, kKey);
  EXPECT_EQ(used(), 1) << "a refusal costs nothing";
}

TEST_F(MachinesTest, TheSameAgainIsSuccessAndCostsNoUse) {
  const auto token = make_token("desk", 1);
  EXPECT_EQ(enrol("m-1", kKey, token), "new");
  EXPECT_EQ(enrol("m-1", kKey, token), "known");
  now += std::chrono::hours(48);
  EXPECT_EQ(enrol("m-1", kKey, token), "known") << "also when the token has expired";
  EXPECT_EQ(used(), 1);
}

TEST_F(MachinesTest, AFailureInsideLeavesNeitherHalf) {
  const auto token = make_token("desk", 1);
  ASSERT_TRUE(database.run("CREATE TRIGGER stop BEFORE INSERT ON machines BEGIN SELECT raise(ABORT, 'stop'); END"));
  EXPECT_FALSE(machines.enrol({"m-1", kKey, token}, now));
  EXPECT_EQ(used(), 0);
  ASSERT_TRUE(database.run("DROP TRIGGER stop"));
  EXPECT_EQ(enrol("m-1", kKey, token), "new");
}

TEST_F(MachinesTest, AStrangerLearnsNothingOfIds) {
  const auto token = make_token("desk", 1);
  ASSERT_EQ(enrol("m-1", kKey, token), "new");
  const auto wrong = std::string(messages::kTokenPrefix) + std::string(64, '0');
  EXPECT_EQ(enrol("m-1", kOtherKey, wrong), "token_unknown");
  EXPECT_EQ(enrol("m-2", kOtherKey, wrong), "token_unknown");
}

// One token in wrong hands: as many new ids as it has uses, no id that is bound, and all of them go with one word.
TEST_F(MachinesTest, AThiefOfATokenGetsItsUsesAndNoMachineThatHasEnrolled) {
  const auto token = make_token("stolen", 3);
  ASSERT_EQ(enrol("victim", kKey, make_token("own", 1)), "new");
  EXPECT_EQ(enrol("victim", kOtherKey, token), "machine_taken");
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(enrol("thief-" + std::to_string(i), kOtherKey, token), "new");
  EXPECT_EQ(enrol("thief-4", kOtherKey, token), "token_used_up");
  ASSERT_TRUE(tokens.revoke("stolen", now));
  EXPECT_EQ(machines.revoke_enrolled_by("stolen", now).value(), 3);
  const auto all = *machines.list();
  for (const auto& machine : all) EXPECT_EQ(machine.revoked.has_value(), machine.machine != "victim");
}

TEST_F(MachinesTest, ARevokedMachineStaysSoUntilItIsForgotten) {
  const auto token = make_token("desk", 5);
  ASSERT_EQ(enrol("m-1", kKey, token), "new");
  ASSERT_TRUE(machines.revoke("m-1", now));
  EXPECT_EQ(machines.revoke("m-1", now).error().kind, ErrorKind::not_found);
  EXPECT_EQ(enrol("m-1", kKey, token), "machine_revoked");
  EXPECT_EQ(enrol("m-1", kOtherKey, token), "machine_taken");
  ASSERT_TRUE(machines.forget("m-1"));
  EXPECT_FALSE(*machines.find("m-1"));
  EXPECT_EQ(machines.forget("m-1").error().kind, ErrorKind::not_found);
  EXPECT_EQ(enrol("m-1", kOtherKey, token), "new");
}

TEST_F(MachinesTest, FiveThousandEnrolAtOnceAndNoMoreThanMay) {
  Machines few(database, 5'000);
  const auto token = make_token("fleet", 6'000);
  ASSERT_TRUE(
      database.run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) INSERT "
                   "INTO machines SELECT 'm-' || i, ?, 'fleet', '', NULL FROM n",
                   {kKey}));
  EXPECT_EQ(few.enrol({"last", kKey, token}, now).value(), true);
  EXPECT_EQ(few.enrol({"too-many", kKey, token}, now).error().reason, "too_many_machines");
  EXPECT_EQ(few.enrol({"last", kKey, token}, now).value(), false);
  EXPECT_EQ(few.list()->size(), 5'000U);
  EXPECT_EQ(few.list("m-998", 2)->front().machine, "m-999");
}

}  // namespace
}  // namespace upswarm::seeder
