#include "protocol/messages/session_messages.hpp"

#include <gtest/gtest.h>

namespace upswarm::messages {
namespace {

const Time kNow{std::chrono::seconds(1'800'000'000)};

TEST(SessionMessages, SessionsComeBackAsTheyWere) {
  const std::vector<SessionRecord> sessions{
      {"app", "1.1.0", {{"checking", kNow, ""}, {"failed", kNow + std::chrono::seconds(1), "why"}}}, {"tool", "2", {}}};
  const auto json = sessions_to_json(sessions);
  const auto back = parse_sessions(json);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(sessions_to_json(*back), json);
  EXPECT_EQ(back->at(0).steps.at(1).detail, "why");
}

TEST(SessionMessages, WhatIsTooMuchIsRefused) {
  const SessionRecord one{"app", "1", {}};
  EXPECT_FALSE(parse_sessions(sessions_to_json(std::vector(kMostSessions + 1, one))));
  const SessionRecord many{"app", "1", std::vector(kMostSessionSteps + 1, SessionStep{"checking", kNow, ""})};
  EXPECT_FALSE(parse_sessions(sessions_to_json({many})));
  EXPECT_FALSE(
      parse_sessions(sessions_to_json({{"app", "1", {{"checking", kNow, std::string(kLongestStepDetail + 1, 'x')}}}})));
}

}  // namespace
}  // namespace upswarm::messages
