#include "agent/outcome_book.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using tests::make_outcome;

class OutcomeBookTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(opened);
    store_.emplace(*std::move(opened));
    book_.emplace(*store_, installer_, http_, tests::kSeeder);
  }

  tests::TemporaryFolder folder_;
  tests::FakeInstaller installer_;
  tests::FakeHttpClient http_;
  std::optional<StateStore> store_;
  std::optional<OutcomeBook> book_;
};

TEST_F(OutcomeBookTest, StoresBeforeItAcknowledges) {
  installer_.kept = {make_outcome(4, "1.0.0", "completed"), make_outcome(5, "1.1.0", "rolled_back")};
  EXPECT_EQ(book_->collect({})->size(), 2U);
  EXPECT_EQ(installer_.forgotten, std::vector<std::int64_t>{5});
  EXPECT_EQ(*store_->count_waiting_reports(), 2);
}

TEST_F(OutcomeBookTest, AKillBeforeTheAcknowledgementRepeatsIt) {
  installer_.kept = {make_outcome(4, "1.0.0", "completed")};
  ASSERT_TRUE(store_->add_outcomes(installer_.kept));
  EXPECT_TRUE(book_->collect({})->empty());
  EXPECT_EQ(installer_.forgotten, std::vector<std::int64_t>{4});
  EXPECT_EQ(*store_->count_waiting_reports(), 1);
}

TEST_F(OutcomeBookTest, AcknowledgesNothingWhileTheInstallerWorks) {
  installer_.kept = {make_outcome(4, "1.0.0", "completed")};
  installer_.set_running({{{"other", "2.0.0", "staging", {}, {}}}});
  EXPECT_EQ(book_->collect({})->size(), 1U);
  EXPECT_TRUE(installer_.forgotten.empty());
}

TEST_F(OutcomeBookTest, SendsAReportAndMarksIt) {
  auto outcome = make_outcome(7, "1.1.0", "rolled_back");
  outcome.reason = "its health check failed";
  ASSERT_TRUE(store_->add_outcomes({outcome}));
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  ASSERT_EQ(http_.posted.size(), 1U);
  EXPECT_EQ(http_.requests[0].url, std::string(tests::kSeeder) + "/v1/reports");
  const auto report = messages::parse_report(*parse_json(http_.posted[0], "a report"));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->machine, "machine-1");
  EXPECT_EQ(report->outcome.number, 7);
  EXPECT_EQ(report->outcome.result, "rolled_back");
  EXPECT_EQ(report->outcome.reason, "its health check failed");
  EXPECT_EQ(*store_->count_waiting_reports(), 0);
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_EQ(http_.posted.size(), 1U);
}

TEST_F(OutcomeBookTest, AReportThatIsNotTakenWaits) {
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed"), make_outcome(2, "1.1.0", "completed")}));
  http_.post_statuses = {200, 503};
  EXPECT_EQ(book_->send_reports("machine-1", {}).error().kind, ErrorKind::unreachable);
  EXPECT_EQ(*store_->count_waiting_reports(), 1);
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_EQ(*store_->count_waiting_reports(), 0);
}

TEST_F(OutcomeBookTest, AMalformedReportDoesNotBlockTheOthers) {
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed"), make_outcome(2, "1.1.0", "completed")}));
  http_.post_statuses = {400, 200};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_EQ(http_.posted.size(), 2U);
  EXPECT_FALSE(store_->history(2)->at(1).reported);
  EXPECT_TRUE(store_->history(2)->at(0).reported);
}

}  // namespace
}  // namespace upswarm::agent
