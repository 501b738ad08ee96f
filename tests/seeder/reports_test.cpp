#include "seeder/reports.hpp"

#include <gtest/gtest.h>

#include "seeder/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

messages::Report a_report(std::int64_t number) {
  messages::Report report;
  report.machine = "m-1";
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
};

TEST_F(ReportsTest, StoresARepeatedReportOnce) {
  const auto report = read_report(messages::to_json(a_report(7)).dump());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(reports.store(*report, Time{}).value(), true);
  EXPECT_EQ(reports.store(*report, Time{}).value(), false);
  EXPECT_EQ(reports.store(a_report(8), Time{}).value(), true);
  EXPECT_EQ(reports.count().value(), 2);
}

TEST_F(ReportsTest, KeepsWhatItSays) {
  ASSERT_TRUE(reports.store(a_report(7), Time{}));
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
  EXPECT_FALSE(read_report(more.dump()));
  auto nameless = json;
  nameless["machine"] = "";
  EXPECT_FALSE(read_report(nameless.dump()));
  EXPECT_FALSE(read_report("[]"));
  EXPECT_FALSE(read_report(""));
  auto huge = json;
  huge["machine"] = std::string(200'000, 'x');
  EXPECT_FALSE(read_report(huge.dump()));
}

}  // namespace
}  // namespace upswarm::seeder
