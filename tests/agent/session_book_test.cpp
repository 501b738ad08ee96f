#include "agent/session_book.hpp"

#include <gmock/gmock.h>

#include "tests/agent/fakes.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using testing::ElementsAre;
using enum SessionState;

class SessionBookTest : public testing::Test {
 protected:
  SessionBook book() { return {store_, clock_}; }
  std::vector<std::string> states_of(std::size_t newest) {
    const auto all = store_.sessions(messages::kMostSessions);
    EXPECT_TRUE(all) << all.error().message();
    std::vector<std::string> states;
    for (const auto& step : all->at(newest).steps) states.push_back(step.state);
    return states;
  }
  messages::SessionStep last() { return store_.sessions(1)->at(0).steps.back(); }
  void add_outcome(const std::string& to, const std::string& result) {
    auto outcome = tests::make_outcome(1, to, result);
    outcome.at = clock_.now();
    outcome.reason = "the reason";
    ASSERT_TRUE(store_.add_outcomes({outcome}));
  }

  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  StateStore store_ = std::move(*StateStore::open(folder_ / "state.db"));
};

TEST_F(SessionBookTest, KeepsEachStepWithItsTimeAndWords) {
  auto a_book = book();
  auto session = a_book.begin("app", "1.1.0");
  clock_.advance(std::chrono::seconds(3));
  session.go_to(downloading, "the delta");
  session.go_to(downloading, "the same again");
  session.go_to(failed, std::string(1000, 'x'));
  EXPECT_THAT(states_of(0), ElementsAre("checking", "downloading", "failed"));
  const auto record = store_.sessions(1)->at(0);
  EXPECT_EQ(record.product, "app");
  EXPECT_EQ(record.version, "1.1.0");
  EXPECT_EQ(record.steps[1].at - record.steps[0].at, std::chrono::seconds(3));
  EXPECT_EQ(record.steps[1].detail, "the delta");
  EXPECT_LE(record.steps[2].detail.size(), messages::kLongestStepDetail);
  EXPECT_TRUE(store_.open_sessions()->empty());
}

TEST_F(SessionBookTest, WhatTheInstallerWentOnWithIsTakenUp) {
  {
    auto before = book();
    auto session = before.begin("app", "1.1.0");
    session.go_to(verifying);
  }
  auto after = book();
  auto session = after.take_up("app", "1.1.0", probation);
  EXPECT_EQ(session.state(), probation);
  session.go_to(completed);
  EXPECT_THAT(states_of(0), ElementsAre("checking", "verifying", "probation", "completed"));
  EXPECT_EQ(store_.sessions(9)->size(), 1U);
}

TEST_F(SessionBookTest, WhatSomebodyElseBeganHasASessionOfItsOwn) {
  auto a_book = book();
  auto mine = a_book.begin("app", "1.1.0");
  auto other = a_book.take_up("app", "1.0.0", installing);
  other.go_to(completed);
  EXPECT_THAT(states_of(0), ElementsAre("installing", "completed"));
  EXPECT_THAT(states_of(1), ElementsAre("checking", "cancelled")) << "one product has one session at a time";
}

TEST_F(SessionBookTest, AnAgentThatWasKilledLeavesNoneOpen) {
  {
    auto before = book();
    before.begin("app", "1.1.0").go_to(verifying);
    before.begin("tool", "2.0.0").go_to(downloading);
  }
  add_outcome("1.1.0", "rolled_back");
  book().settle();
  EXPECT_THAT(states_of(0), ElementsAre("checking", "downloading", "cancelled"));
  EXPECT_EQ(last().detail, "the agent was stopped");
  EXPECT_THAT(states_of(1), ElementsAre("checking", "verifying", "rolled_back"));
  EXPECT_EQ(store_.sessions(2)->at(1).steps.back().detail, "the reason");
}

TEST_F(SessionBookTest, AnEarlierOutcomeIsNotItsEnd) {
  add_outcome("1.1.0", "failed");
  clock_.advance(std::chrono::seconds(1));
  book().begin("app", "1.1.0").go_to(verifying);
  book().settle();
  EXPECT_THAT(states_of(0), ElementsAre("checking", "verifying", "cancelled"));
}

TEST_F(SessionBookTest, AnotherAtOnceEndsTheOneBefore) {
  auto a_book = book();
  a_book.begin("app", "1.1.0");
  a_book.begin("app", "1.2.0");
  EXPECT_THAT(states_of(1), ElementsAre("checking", "cancelled"));
  EXPECT_EQ(store_.open_sessions()->size(), 1U);
}

TEST_F(SessionBookTest, KeepsABoundedNumberOfSessionsAndSteps) {
  auto a_book = book();
  for (int i = 0; i < messages::kMostSessions + 5; ++i) a_book.begin("app", "1.0." + std::to_string(i));
  EXPECT_EQ(store_.sessions(messages::kMostSessions)->size(), static_cast<std::size_t>(messages::kMostSessions));
  auto session = a_book.begin("app", "2.0.0");
  for (std::size_t i = 0; i < messages::kMostSessionSteps; ++i) {
    session.go_to(downloading);
    session.go_to(verifying);
  }
  session.go_to(completed);
  EXPECT_EQ(states_of(0).size(), messages::kMostSessionSteps);
  EXPECT_EQ(last().state, "completed") << "how it ended is never left out";
}

}  // namespace
}  // namespace upswarm::agent
