#include "agent/status_board.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"

namespace upswarm::agent {
namespace {

class StatusBoardTest : public testing::Test {
 protected:
  StatusBoardTest() {
    installer_.add_product("app", &old_);
    board_.set_products(installer_.state);
  }
  messages::ProductStatus app() { return board_.snapshot().products.at(0); }

  tests::FakeInstaller installer_;
  trust::Entry old_ = tests::make_entry("1.0.0", 1);
  StatusBoard board_{"", tests::kSeeder};
  Time now_{std::chrono::seconds(1'800'000'000)};
};

TEST_F(StatusBoardTest, TellsHowLongADownloadTakes) {
  board_.set_session("app", "1.1.0", SessionState::downloading, "delta");
  board_.set_download(
      "app", {30_B, 100_B, {.disk = {}, .site = 20_B, .origin_bt = 10_B, .origin_http = {}, .wasted = 1_B}, 7, 3},
      "delta");
  EXPECT_EQ(app().phase, "downloading");
  EXPECT_EQ(app().time_left, std::chrono::seconds(10));
  EXPECT_EQ(app().bytes.site, 20_B);
  EXPECT_EQ(app().bytes.wasted, 1_B);
  board_.set_download("app", {30_B, 100_B, {}, 0, 0}, "HTTP: 404");
  EXPECT_EQ(app().detail, "HTTP: 404");
  EXPECT_FALSE(app().time_left);
}

TEST_F(StatusBoardTest, KeepsTheBytesOfTheLastDownloadUntilTheNext) {
  board_.set_download(
      "app", {1_B, 1_B, {.disk = {}, .site = 1_B, .origin_bt = {}, .origin_http = {}, .wasted = {}}, 0, 0}, "");
  board_.set_decision("app", "", "current", "");
  EXPECT_EQ(app().bytes.site, 1_B);
  board_.set_session("app", "1.2.0", SessionState::checking, "");
  EXPECT_EQ(app().bytes.site, 0_B);
}

TEST_F(StatusBoardTest, ADecisionIsNewsOnce) {
  EXPECT_TRUE(board_.set_decision("app", "1.2.0", "held", "why"));
  EXPECT_FALSE(board_.set_decision("app", "1.2.0", "held", "why"));
  EXPECT_TRUE(board_.set_decision("app", "1.2.0", "held", "another reason"));
  EXPECT_TRUE(board_.set_decision("app", "1.3.0", "held", "another reason"));
  EXPECT_TRUE(board_.set_decision("app", "1.3.0", "put_off", "another reason"));
  EXPECT_FALSE(board_.set_decision("unknown", "1.3.0", "put_off", "why"));
}

TEST_F(StatusBoardTest, AnErrorStaysUntilACycleEndsWell) {
  board_.begin_cycle();
  board_.end_cycle("nothing", Error{ErrorKind::untrusted, "timestamp", "it expired", "expired"}, now_);
  auto status = board_.snapshot();
  EXPECT_EQ(status.state, "failing");
  EXPECT_EQ(status.last_result, "failed");
  EXPECT_EQ(status.last_error->what, "timestamp: it expired");
  board_.begin_cycle();
  EXPECT_TRUE(board_.snapshot().last_error);
  board_.end_cycle("nothing", std::nullopt, now_);
  EXPECT_FALSE(board_.snapshot().last_error);
  EXPECT_EQ(board_.snapshot().cycles_ended, 2);
}

TEST_F(StatusBoardTest, FollowsTheProductsOfTheInstaller) {
  board_.set_waiting("app", {"1.1.0", now_});
  EXPECT_EQ(board_.waiting("app")->version, "1.1.0");
  board_.set_decision("app", "", "current", "");
  EXPECT_FALSE(board_.waiting("app"));
  installer_.state.products.clear();
  board_.set_products(installer_.state);
  EXPECT_TRUE(board_.snapshot().products.empty());
  EXPECT_EQ(board_.snapshot().machine_id, "machine-1");
}

TEST_F(StatusBoardTest, TellsWhetherItIsEnrolled) {
  EXPECT_FALSE(board_.snapshot().enrolled);
  EXPECT_FALSE(board_.snapshot().enrolment.empty());
  board_.set_enrolment("");
  EXPECT_TRUE(board_.snapshot().enrolled);
  board_.set_enrolment(std::string(100'000, 'x'));
  EXPECT_FALSE(board_.snapshot().enrolled);
  EXPECT_TRUE(messages::parse_agent_status(messages::to_json(board_.snapshot())));
}

}  // namespace
}  // namespace upswarm::agent
