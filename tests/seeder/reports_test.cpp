#include "seeder/reports.hpp"

#include <gtest/gtest.h>

#include "seeder/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

const std::string kKey(64, 'a');
const std::string kOtherKey(64, 'b');

messages::Report a_report(std::int64_t number, const std::string& machine = "m-1") {
  messages::Report report;
  report.machine = machine;
  report.outcome = {.number = number,
                    .product = "app",
                    .from = "1.0.0",
                    .to = "1.1.0",
                    .running = "1.1.0",
                    .kind = "delta",
                    .result = "completed",
                    .reason = "",
                    .at = Time(std::chrono::seconds(1'800'000'000)),
                    .milliseconds = 5210};
  report.bytes.site = 4096_B;
  return report;
}

class ReportsTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  Database database = std::move(*Database::open(folder / "db", kMigrations));
  Reports reports{database};

  void enrol(const std::string& machine, const std::string& key = kKey) {
    ASSERT_TRUE(
        database.run("INSERT INTO machines VALUES (?, ?, 'desk', '2027-01-15T08:00:00Z', NULL)", {machine, key}));
  }
  void store(const messages::Report& report, const std::string& signer) {
    ASSERT_TRUE(reports.store(report, signer, Time{}));
  }
  /// "1.1.0 completed 2, ..."
  std::string counts(const std::string& product = "app") {
    std::string text;
    const auto all = *reports.count_outcomes(product);
    for (const auto& [version, result, machines] : all)
      text += (text.empty() ? "" : ", ") + version + " " + result + " " + std::to_string(machines);
    return text;
  }
};

TEST_F(ReportsTest, StoresARepeatedReportOnce) {
  const auto report = read_report(messages::to_json(a_report(7)).dump());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(reports.store(*report, "", Time{}).value(), true);
  EXPECT_EQ(reports.store(*report, "", Time{}).value(), false);
  EXPECT_EQ(reports.store(a_report(8), "", Time{}).value(), true);
  EXPECT_EQ(reports.count().value(), 2);
}

TEST_F(ReportsTest, KeepsWhatItSays) {
  ASSERT_TRUE(reports.store(a_report(7), "", Time{}));
  const auto row =
      database.run("SELECT machine, number, from_version, to_version, kind, result, milliseconds, bytes FROM reports")
          ->at(0);
  EXPECT_EQ(row.text(0), "m-1");
  EXPECT_EQ(row.integer(1), 7);
  EXPECT_EQ(row.text(3), "1.1.0");
  EXPECT_EQ(row.integer(6), 5210);
  EXPECT_NE(row.text(7).find("\"site\":4096"), std::string::npos);
}

TEST_F(ReportsTest, RefusesWhatIsNoReport) {
  auto json = messages::to_json(a_report(7));
  for (const auto* key : {"machine", "number", "product", "bytes", "at"}) {
    auto broken = json;
    broken.erase(key);
    EXPECT_FALSE(read_report(broken.dump())) << "without " << key;
  }
  auto more = json;
  more["surprise"] = 1;
  EXPECT_TRUE(read_report(more.dump())) << "an agent that is newer than the seeder";
  auto nameless = json;
  nameless["machine"] = "";
  EXPECT_FALSE(read_report(nameless.dump()));
  EXPECT_FALSE(read_report("[]"));
  EXPECT_FALSE(read_report(""));
  auto huge = json;
  huge["machine"] = std::string(200'000, 'x');
  EXPECT_FALSE(read_report(huge.dump()));
}

TEST_F(ReportsTest, CountsMachinesByVersionAndResult) {
  for (const auto* machine : {"m-1", "m-2", "m-3"}) {
    enrol(machine);
    store(a_report(1, machine), kKey);
  }
  auto failed = a_report(1, "m-4");
  failed.outcome.result = "rolled_back";
  enrol("m-4");
  store(failed, kKey);
  auto other = a_report(2, "m-4");
  other.outcome.product = "other";
  store(other, kKey);
  EXPECT_EQ(counts(), "1.1.0 completed 3, 1.1.0 rolled_back 1");
  EXPECT_EQ(counts("other"), "1.1.0 completed 1");
  EXPECT_EQ(counts("none"), "");
}

TEST_F(ReportsTest, WhatNobodyVouchesForNeverCounts) {
  enrol("m-1");
  store(a_report(1, "m-1"), "");         // in the name of a machine that has enrolled
  store(a_report(1, "m-2"), "");         // in that of one that has not
  store(a_report(1, "m-3"), kKey);       // signed, but the machine is not known
  store(a_report(2, "m-1"), kOtherKey);  // signed by a key that it does not have
  EXPECT_EQ(counts(), "");
  EXPECT_EQ(reports.count().value(), 4) << "all are kept for people";
}

TEST_F(ReportsTest, AMachineHasOneVoiceForAVersionItsLast) {
  enrol("m-1");
  for (std::int64_t number = 1; number <= 50; ++number) store(a_report(number), kKey);
  EXPECT_EQ(counts(), "1.1.0 completed 1");
  auto last = a_report(51);
  last.outcome.result = "rolled_back";
  store(last, kKey);
  store(a_report(20, "m-1"), kKey);
  EXPECT_EQ(counts(), "1.1.0 rolled_back 1");
  auto next = a_report(52);
  next.outcome.to = "1.2.0";
  store(next, kKey);
  EXPECT_EQ(counts(), "1.1.0 rolled_back 1, 1.2.0 completed 1");
  const auto one = *reports.count_outcomes("app", "1.2.0");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].version, "1.2.0");
  EXPECT_TRUE(reports.count_outcomes("app", "1.3.0")->empty());
}

TEST_F(ReportsTest, ARevokedOrForgottenMachineDoesNotCountAnyMore) {
  enrol("m-1");
  enrol("m-2");
  store(a_report(1, "m-1"), kKey);
  store(a_report(1, "m-2"), kKey);
  EXPECT_EQ(counts(), "1.1.0 completed 2");
  ASSERT_TRUE(database.run("UPDATE machines SET revoked = 'now' WHERE machine = 'm-1'"));
  EXPECT_EQ(counts(), "1.1.0 completed 1");
  ASSERT_TRUE(database.run("DELETE FROM machines WHERE machine = 'm-2'"));
  EXPECT_EQ(counts(), "");
  enrol("m-2", kOtherKey);
  EXPECT_EQ(counts(), "") << "what the old key signed is not the new one's word";
}

TEST_F(ReportsTest, AnUnsignedReportThatIsFirstDoesNotShutOutTheMachinesOwn) {
  enrol("m-1");
  auto forged = a_report(1);
  forged.outcome.result = "rolled_back";
  EXPECT_EQ(reports.store(forged, "", Time{}).value(), true);
  EXPECT_EQ(reports.store(a_report(1), kKey, Time{}).value(), true);
  EXPECT_EQ(counts(), "1.1.0 completed 1");
  EXPECT_EQ(reports.store(forged, "", Time{}).value(), false);
  EXPECT_EQ(reports.store(forged, kKey, Time{}).value(), false) << "a second one with the same name is the same";
  EXPECT_EQ(counts(), "1.1.0 completed 1");
  EXPECT_EQ(reports.count().value(), 1);
}

TEST_F(ReportsTest, AStrangersFloodPushesOutNothingThatCounts) {
  Reports small(database, {.trusted_of_machine = 3, .untrusted = 5});
  enrol("m-1");
  enrol("thief");
  ASSERT_TRUE(small.store(a_report(1), kKey, Time{}));
  for (std::int64_t number = 1; number <= 20; ++number) ASSERT_TRUE(small.store(a_report(number, "x"), "", Time{}));
  for (std::int64_t number = 1; number <= 20; ++number)
    ASSERT_TRUE(small.store(a_report(number, "thief"), kKey, Time{}));
  EXPECT_EQ(counts(), "1.1.0 completed 2");
  EXPECT_LE(small.count().value(), 1 + 2 * 5 + 3);
  EXPECT_EQ(small.newest("", 1)->at(0).report.outcome.number, 20);
}

TEST_F(ReportsTest, ShowsTheNewestFirstAndMarksThem) {
  enrol("m-1");
  store(a_report(1), kKey);
  store(a_report(2), "");
  const auto newest = *reports.newest("app", 10);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_FALSE(newest[0].trusted);
  EXPECT_TRUE(newest[1].trusted);
  EXPECT_EQ(messages::to_json(newest[1].report), messages::to_json(a_report(1)));
  EXPECT_TRUE(reports.newest("other", 10)->empty());
}

TEST(ReportsMigrationTest, WhatIsThereFromBeforeDoesNotCount) {
  const tests::TemporaryFolder folder;
  {
    auto before = *Database::open(folder / "db", std::span(kMigrations).first(1));
    ASSERT_TRUE(
        before.run("INSERT INTO reports (machine, number, product, from_version, to_version, running, kind, "
                   "result, reason, at, milliseconds, bytes, received) VALUES ('m-1', 1, 'app', '', '1.1.0', "
                   "'1.1.0', 'full', 'completed', '', '2027-01-15T08:00:00Z', 5, "
                   "'{\"disk\":0,\"site\":0,\"origin_bt\":0,\"origin_http\":0,\"wasted\":0}', "
                   "'2027-01-15T08:00:00Z')"));
  }
  auto database = *Database::open(folder / "db", kMigrations);
  ASSERT_TRUE(database.run("INSERT INTO machines VALUES ('m-1', ?, 'desk', '', NULL)", {kKey}));
  Reports reports(database);
  EXPECT_TRUE(reports.count_outcomes("app")->empty());
  EXPECT_FALSE(reports.newest("", 10)->at(0).trusted);
}

}  // namespace
}  // namespace upswarm::seeder
