#include "agent/control.hpp"

#include <gtest/gtest.h>

#include "protocol/messages/plan_messages.hpp"
#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::days;
using std::chrono::hours;

class ControlTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(opened);
    store_.emplace(*std::move(opened));
    control_.emplace(
        board_, *store_, swarm_, clock_,
        [this](const CycleRequest& request) {
          requests_.push_back(request);
          return std::int64_t{7};
        },
        [this] { return manners_; });
    tests::FakeInstaller installer;
    installer.add_product("app", &old_);
    board_.set_products(*installer.hello({}));
  }
  Result<Json> ask(Json question) { return control_->answer(question["ask"].get<std::string>(), question); }

  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  tests::FakeSwarm swarm_;
  trust::Entry old_ = tests::make_entry("1.0.0", 1);
  StatusBoard board_{"machine-1", tests::kSeeder};
  Manners manners_;
  std::optional<StateStore> store_;
  std::optional<Control> control_;
  std::vector<CycleRequest> requests_;
};

TEST_F(ControlTest, StatusGathersBoardSwarmAndStore) {
  ASSERT_TRUE(store_->add_outcomes({tests::make_outcome(1, "1.0.0", "completed")}));
  ASSERT_TRUE(store_->skip("app", "1.1.0"));
  const auto status = messages::parse_agent_status(*ask({{"ask", "status"}}));
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->machine_id, "machine-1");
  EXPECT_EQ(status->uploaded, 77_B);
  EXPECT_EQ(status->reports_waiting, 1);
  ASSERT_EQ(status->products.size(), 1U);
  EXPECT_EQ(status->products[0].installed, "1.0.0");
  EXPECT_EQ(status->products[0].skipped, "1.1.0");
}

TEST_F(ControlTest, CheckAndUpdateWakeTheLoop) {
  EXPECT_EQ(ask({{"ask", "check"}})->at("cycle"), 7);
  EXPECT_EQ(ask({{"ask", "update"}})->at("cycle"), 7);
  ASSERT_EQ(requests_.size(), 2U);
  EXPECT_TRUE(requests_[0].full_refresh);
  EXPECT_FALSE(requests_[0].install_now);
  EXPECT_TRUE(requests_[1].install_now);
}

TEST_F(ControlTest, ADeferralIsBoundedByTheReleaseThatWaits) {
  board_.set_waiting("app", {"1.1.0", clock_.now() + days(7)});
  EXPECT_EQ(ask({{"ask", "defer"}, {"product", "app"}, {"duration", "2h"}})->at("until"),
            upswarm::to_string(clock_.now() + hours(2)));
  EXPECT_EQ(ask({{"ask", "defer"}, {"product", "app"}, {"duration", "300d"}})->at("until"),
            upswarm::to_string(clock_.now() + days(7)));
  EXPECT_EQ(store_->wish_of("app")->deferred_until, clock_.now() + days(7));
}

TEST_F(ControlTest, AnUrgentReleaseIsNeitherDeferredNorSkipped) {
  board_.set_waiting("app", {"1.1.0", std::nullopt});
  EXPECT_EQ(ask({{"ask", "defer"}, {"product", "app"}, {"duration", "2h"}}).error().kind, ErrorKind::denied);
  EXPECT_EQ(ask({{"ask", "skip"}, {"product", "app"}, {"version", "1.1.0"}}).error().kind, ErrorKind::denied);
  EXPECT_TRUE(ask({{"ask", "skip"}, {"product", "app"}, {"version", "1.2.0"}}));
}

TEST_F(ControlTest, RefusesWhatHasNoMeaning) {
  EXPECT_EQ(ask({{"ask", "defer"}, {"product", "app"}, {"duration", "soon"}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(ask({{"ask", "defer"}, {"product", "app"}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(ask({{"ask", "defer"}, {"product", "none"}, {"duration", "2h"}}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(ask({{"ask", "skip"}, {"product", "app"}, {"version", "newest"}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(ask({{"ask", "history"}, {"limit", 0}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(ask({{"ask", "reboot"}}).error().kind, ErrorKind::invalid);
}

TEST_F(ControlTest, HistoryIsLimited) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(store_->add_outcomes({tests::make_outcome(i, "1.0.0", "completed")}));
  const auto items = messages::parse_history(*ask({{"ask", "history"}, {"limit", 2}}));
  ASSERT_TRUE(items) << items.error().message();
  ASSERT_EQ(items->size(), 2U);
  EXPECT_EQ(items->at(0).outcome.number, 3);
}

TEST_F(ControlTest, SessionsAreLimited) {
  for (const char* version : {"1.0.0", "1.1.0"})
    ASSERT_TRUE(store_->begin_session({"app", version, {{"checking", {}, ""}}}, {"cancelled", {}, ""}));
  const auto sessions = messages::parse_sessions(*ask({{"ask", "sessions"}, {"limit", 1}}));
  ASSERT_TRUE(sessions) << sessions.error().message();
  ASSERT_EQ(sessions->size(), 1U);
  EXPECT_EQ(sessions->at(0).version, "1.1.0");
  EXPECT_EQ(ask({{"ask", "sessions"}, {"limit", 201}}).error().kind, ErrorKind::invalid);
}

TEST_F(ControlTest, SaysWhyItGivesNothing) {
  manners_.may_upload = false;
  manners_.gates = {{"upload", "no", "configuration", false, "this machine downloads only"}};
  const auto answer = messages::parse_why(*ask({{"ask", "why"}}));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_FALSE(answer->may_upload);
  EXPECT_TRUE(answer->may_lead);
  ASSERT_EQ(answer->gates.size(), 1U);
  EXPECT_EQ(answer->gates.front().set_by, "configuration");
  EXPECT_FALSE(answer->gates.front().is_open);
}

}  // namespace
}  // namespace upswarm::agent
