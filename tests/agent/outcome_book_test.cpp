#include "agent/outcome_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/digest.hpp"
#include "protocol/base/program.hpp"
#include "protocol/messages/enrolment.hpp"
#include "protocol/messages/machine_request.hpp"
#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using testing::ElementsAre;
using tests::make_outcome;

class OutcomeBookTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(opened);
    store_.emplace(*std::move(opened));
    folder_.write("token", kToken, 0600);
    restart();
  }
  void restart(bool with_token = false) {
    identity_.emplace(IdentityTools{.files = system_files(),
                                    .store = *store_,
                                    .board = board_,
                                    .http = http_,
                                    .clock = clock_,
                                    .random = [](std::uint32_t) { return 0U; },
                                    .rhythm = {std::chrono::minutes(15), 0},
                                    .seeder_url = tests::kSecureSeeder,
                                    .token_file = with_token ? folder_ / "token" : Path()},
                      trust::SigningKey::from_seed(seed_));
    book_.emplace(*store_, installer_, http_, *identity_, tests::kSecureSeeder);
  }
  void enrol() {
    restart(true);
    identity_->keep_up("machine-1", {});
    ASSERT_TRUE(board_.snapshot().enrolled);
    http_.requests.clear();
    http_.posted.clear();
  }
  /// The paths that were asked, with "+" where the request was signed.
  std::vector<std::string> asked() {
    std::vector<std::string> paths;
    for (const auto& request : http_.requests) {
      const bool is_signed = request.headers.front().first == messages::kMachineField;
      paths.push_back(request.url.substr(std::string(tests::kSecureSeeder).size()) + (is_signed ? "+" : ""));
    }
    return paths;
  }
  bool is_reported() { return store_->history(1)->at(0).reported; }
  static std::string answer(bool trusted, const std::string& reason) {
    return to_text(messages::to_json(messages::ReportAnswer{true, trusted, reason}));
  }
  static std::string error(const std::string& reason) {
    return to_text(Json{{"error", to_json(Error{ErrorKind::denied, "x", "y", reason})}});
  }

  const std::string kToken = std::string(messages::kTokenPrefix) + std::string(64, '7');
  ByteBuffer seed_ = random_bytes(32);
  tests::FakeClock clock_;
  StatusBoard board_{"machine-1", tests::kSeeder};

  tests::TemporaryFolder folder_;
  tests::FakeInstaller installer_;
  tests::FakeHttpClient http_;
  std::optional<StateStore> store_;
  std::optional<MachineIdentity> identity_;
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
  EXPECT_EQ(http_.requests[0].url, std::string(tests::kSecureSeeder) + "/v1/reports");
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

TEST_F(OutcomeBookTest, AnEnrolledMachineSignsEachReport) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.answers = {answer(true, "")};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  ASSERT_EQ(http_.requests.size(), 1U);
  const auto& headers = http_.requests[0].headers;
  const auto claim = messages::read_claim({headers[0].second, headers[1].second, headers[2].second});
  ASSERT_TRUE(claim && *claim);
  EXPECT_EQ((*claim)->machine, "machine-1");
  const auto key = trust::SigningKey::from_seed(seed_);
  EXPECT_TRUE((*claim)->is_signed_by(key->public_key(), "POST", "/v1/reports", http_.posted[0]));
  EXPECT_TRUE(is_reported());
}

TEST_F(OutcomeBookTest, WithoutATokenReportsGoUnsigned) {
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  identity_->keep_up("machine-1", {});
  http_.answers = {answer(false, "unsigned")};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_THAT(asked(), ElementsAre("/v1/reports"));
  EXPECT_TRUE(is_reported());
}

TEST_F(OutcomeBookTest, ReportsWaitForAnEnrolmentThatMayComeButNotForEver) {
  restart(true);
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  for (int i = 0; i < MachineIdentity::kMostWaits; ++i) {
    http_.post_statuses = {503};
    identity_->keep_up("machine-1", {});
    ASSERT_TRUE(book_->send_reports("machine-1", {}));
    EXPECT_EQ(*store_->count_waiting_reports(), 1) << i;
    clock_.advance(std::chrono::minutes(15));
  }
  http_.post_statuses = {503};
  identity_->keep_up("machine-1", {});
  http_.requests.clear();
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_THAT(asked(), ElementsAre("/v1/reports"));
  EXPECT_EQ(*store_->count_waiting_reports(), 0);
}

TEST_F(OutcomeBookTest, ASeederThatLostItsDatabaseIsEnrolledWithAgain) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.answers = {answer(false, "unknown_machine"), R"({"enrolled":true,"new":true})", answer(true, "")};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_THAT(asked(), ElementsAre("/v1/reports+", "/v1/enrol+", "/v1/reports+"));
  EXPECT_TRUE(is_reported());
  EXPECT_TRUE(board_.snapshot().enrolled);
}

TEST_F(OutcomeBookTest, WhoIsUnknownAndHasNoTokenSaysSoAndGoesOnUnsigned) {
  enrol();
  restart(false);
  identity_->keep_up("machine-1", {});
  ASSERT_TRUE(board_.snapshot().enrolled);
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed"), make_outcome(2, "1.1.0", "completed")}));
  http_.answers = {answer(false, "unknown_machine"), answer(false, "unsigned")};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_THAT(asked(), ElementsAre("/v1/reports+", "/v1/reports"));
  EXPECT_THAT(board_.snapshot().enrolment, testing::HasSubstr("does not know this machine"));
  EXPECT_THAT(board_.snapshot().enrolment, testing::HasSubstr("enrolment_token_file"));
}

TEST_F(OutcomeBookTest, ASeederWithAnotherKeyGetsTheReportUnsigned) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.post_statuses = {403, 200};
  http_.answers = {error("signature"), answer(false, "unsigned")};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_THAT(asked(), ElementsAre("/v1/reports+", "/v1/reports"));
  EXPECT_FALSE(board_.snapshot().enrolled);
  EXPECT_TRUE(is_reported());
}

TEST_F(OutcomeBookTest, AnotherRefusalIsNoVerdictOnTheKey) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.post_statuses = {403};
  http_.answers = {"<html>a proxy</html>"};
  EXPECT_EQ(book_->send_reports("machine-1", {}).error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(board_.snapshot().enrolled);
  EXPECT_EQ(*store_->count_waiting_reports(), 1);
}

TEST_F(OutcomeBookTest, ARevokedMachineSaysSo) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.answers = {answer(false, "revoked_machine")};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_THAT(board_.snapshot().enrolment, testing::HasSubstr("revoked"));
  EXPECT_TRUE(is_reported());
}

TEST_F(OutcomeBookTest, ASeederThatEnrolsAndForgetsIsNotAskedForEver) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.answers = {answer(false, "unknown_machine"), "{}", answer(false, "unknown_machine"), "{}"};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_LE(http_.requests.size(), 4U);
  EXPECT_TRUE(is_reported());
}

TEST_F(OutcomeBookTest, AnOlderSeederTakesSignedReports) {
  enrol();
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  http_.answers = {R"({"stored":true})"};
  ASSERT_TRUE(book_->send_reports("machine-1", {}));
  EXPECT_TRUE(is_reported());
}

}  // namespace
}  // namespace upswarm::agent
