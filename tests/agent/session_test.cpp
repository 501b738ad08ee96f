#include "agent/session.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

using enum SessionState;

constexpr SessionState kAll[] = {checking,  downloading, verifying, staged,      installing,
                                 probation, completed,   failed,    rolled_back, cancelled};

TEST(SessionTest, GoesTheWholeWay) {
  Session session("app", "1.0.0");
  for (const auto state : {downloading, verifying, staged, installing, probation, completed}) session.go_to(state);
  EXPECT_EQ(session.state(), completed);
}

TEST(SessionTest, NothingFollowsAnEnd) {
  for (const auto from : kAll) {
    for (const auto to : kAll) {
      if (is_final(from)) {
        EXPECT_FALSE(may_follow(from, to)) << to_string(from) << " -> " << to_string(to);
      }
    }
  }
}

TEST(SessionTest, EveryStateButAnEndCanFailOrBeCancelled) {
  for (const auto from : kAll) {
    EXPECT_FALSE(may_follow(from, from));
    if (is_final(from)) continue;
    EXPECT_TRUE(may_follow(from, failed)) << to_string(from);
    EXPECT_TRUE(may_follow(from, cancelled)) << to_string(from);
  }
}

TEST(SessionTest, NothingIsInstalledThatWasNotHandedOver) {
  for (const auto to : {staged, installing, probation, completed, rolled_back}) {
    EXPECT_FALSE(may_follow(checking, to)) << to_string(to);
    EXPECT_FALSE(may_follow(downloading, to)) << to_string(to);
  }
}

TEST(SessionTest, ARefusedDeltaLeadsBackToDownloading) {
  EXPECT_TRUE(may_follow(verifying, downloading));
  EXPECT_TRUE(may_follow(staged, downloading));
  EXPECT_FALSE(may_follow(probation, downloading));
}

TEST(SessionTest, WordsOfTheInstallerThatComeLateAreLeftOut) {
  Session session("app", "1.0.0", probation);
  session.observe(staged);
  session.observe(verifying);
  EXPECT_EQ(session.state(), probation);
  session.observe(rolled_back);
  EXPECT_EQ(session.state(), rolled_back);
}

TEST(SessionTest, TellsEachStepOnce) {
  std::vector<std::string> told;
  Session session("app", "1.0.0", checking, [&](SessionState to, const std::string& detail) {
    told.push_back(std::string(to_string(to)) + " " + detail);
  });
  session.go_to(downloading, "a delta");
  session.go_to(downloading, "a delta");
  session.observe(completed);
  session.go_to(verifying);
  EXPECT_EQ(told, (std::vector<std::string>{"downloading a delta", "verifying "}));
}

TEST(SessionTest, NamesComeBackAsStates) {
  for (const auto state : kAll) EXPECT_EQ(state_of_name(to_string(state)), state);
  EXPECT_FALSE(state_of_name("resting"));
}

TEST(SessionTest, KnowsTheInstallersPhases) {
  EXPECT_EQ(state_of_phase("verifying"), verifying);
  EXPECT_EQ(state_of_phase("staging"), staged);
  EXPECT_EQ(state_of_phase("looking for chunks"), staged);
  EXPECT_EQ(state_of_phase("switching"), installing);
  EXPECT_EQ(state_of_phase("checking health"), probation);
  EXPECT_EQ(state_of_phase("something new"), installing);
}

TEST(SessionDeathTest, AStepThatMustNotBeIsADefect) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEBUG_DEATH(
      {
        Session session("app", "1.0.0");
        session.go_to(completed);
      },
      "a step that must not be");
}

}  // namespace
}  // namespace upswarm::agent
