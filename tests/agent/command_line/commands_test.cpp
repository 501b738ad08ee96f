#include "agent/command_line/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "protocol/messages/agent_messages.hpp"
#include "protocol/messages/plan_messages.hpp"
#include "tests/support/fake_clock.hpp"

namespace upswarm::command_line {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CommandsTest : public testing::Test {
 protected:
  Result<Json> answer(const Json& question) {
    asked_.push_back(question);
    if (question["ask"] == "status") {
      messages::AgentStatus status;
      status.cycles_ended = cycles_++;
      status.last_result = last_result_;
      return messages::to_json(status);
    }
    if (question["ask"] == "update" || question["ask"] == "check") return Json{{"cycle", 3}};
    if (question["ask"] == "defer") return Json{{"until", "2027-01-15T10:00:00Z"}};
    if (question["ask"] == "history") return messages::history_to_json({});
    if (question["ask"] == "why")
      return messages::to_json(
          messages::WhyAnswer{{why_},
                              false,
                              true,
                              {{"upload_above_battery", "40 %", "default", false, "31 % are left"}},
                              {{"origin, HTTP", true, "nobody else is here"}}});
    if (question["ask"] == "forget_bad") return Json{{"cleared", forgotten_}};
    if (question["ask"] == "clear_bad") return Json{{"cleared", cleared_}};
    return Json{{"accepted", true}};
  }

  std::vector<Json> asked_;
  std::int64_t cycles_ = 0;
  std::int64_t cleared_ = 1;
  std::int64_t forgotten_ = 0;
  messages::WhyStatus why_{"app", "current", "", "", {}};
  std::string last_result_ = "updated";
  std::ostringstream out_;
  tests::FakeClock clock_;
  std::stop_source stop_;
  int pauses_ = 0;
  Desk desk_{.agent = [this](const Json& question) { return answer(question); },
             .installer = [this](const Json& question) { return answer(question); },
             .reader = [this](const Json& question) { return answer(question); },
             .out = out_,
             .clock = clock_,
             .json = false,
             .is_terminal = false,
             .pause =
                 [this](std::chrono::milliseconds, const std::stop_token&) {
                   if (++pauses_ == 10) stop_.request_stop();
                 },
             .stop = stop_.get_token()};
};

TEST_F(CommandsTest, UpdateWaitsForItsOwnCycle) {
  EXPECT_EQ(*update(desk_, "", true), ExitCode::done);
  EXPECT_EQ(pauses_, 3);
}

TEST_F(CommandsTest, TheExitCodeOfAnUpdateSaysWhatCame) {
  last_result_ = "nothing";
  EXPECT_EQ(*update(desk_, "", true), ExitCode::nothing_to_do);
  last_result_ = "put_off";
  EXPECT_EQ(*update(desk_, "", true), ExitCode::nothing_to_do);
  last_result_ = "rolled_back";
  EXPECT_EQ(*update(desk_, "", true), ExitCode::failed);
}

TEST_F(CommandsTest, JsonIsOneDocumentALine) {
  desk_.json = true;
  EXPECT_EQ(*show_status(desk_, false), ExitCode::done);
  EXPECT_TRUE(parse_json(out_.str(), "output"));
  EXPECT_TRUE(out_.str().ends_with("\n"));
}

TEST_F(CommandsTest, WatchRedrawsInPlaceUntilItIsStopped) {
  desk_.is_terminal = true;
  EXPECT_EQ(*show_status(desk_, true), ExitCode::done);
  EXPECT_EQ(pauses_, 10);
  EXPECT_THAT(out_.str(), StartsWith("\x1b[2J\x1b[H"));
}

TEST_F(CommandsTest, WatchOutlivesARestartOfTheAgent) {
  desk_.agent = [](const Json&) -> Result<Json> {
    return Error{ErrorKind::unreachable, "reach the agent", "no such file"};
  };
  EXPECT_EQ(*show_status(desk_, true), ExitCode::done);
  EXPECT_THAT(out_.str(), HasSubstr("error: reach the agent: no such file\n"));
  EXPECT_EQ(show_status(desk_, false).error().kind, ErrorKind::unreachable);
}

TEST_F(CommandsTest, QuestionsUseTheWordsOfTheMessages) {
  ASSERT_TRUE(defer(desk_, "app", "2h"));
  ASSERT_TRUE(skip(desk_, "app", "1.1.0"));
  ASSERT_TRUE(roll_back(desk_, "app", ""));
  ASSERT_TRUE(roll_back(desk_, "app", "1.0.0"));
  ASSERT_TRUE(confirm(desk_, "app", "token"));
  EXPECT_THAT(asked_, testing::ElementsAre(Json({{"ask", "defer"}, {"product", "app"}, {"duration", "2h"}}),
                                           Json({{"ask", "skip"}, {"product", "app"}, {"version", "1.1.0"}}),
                                           Json({{"ask", "rollback"}, {"product", "app"}}),
                                           Json({{"ask", "rollback"}, {"product", "app"}, {"version", "1.0.0"}}),
                                           Json({{"ask", "confirm"}, {"product", "app"}, {"token", "token"}})));
  EXPECT_THAT(out_.str(), HasSubstr("put off until 2027-01-15T10:00:00Z"));
}

TEST_F(CommandsTest, WrongWordsAreNotEvenAsked) {
  EXPECT_EQ(defer(desk_, "app", "soon").error().kind, ErrorKind::invalid);
  EXPECT_EQ(confirm(desk_, "app", "").error().kind, ErrorKind::invalid);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(CommandsTest, ClearingNothingIsNothingToDo) {
  EXPECT_EQ(*clear_bad(desk_, "app"), ExitCode::done);
  cleared_ = 0;
  EXPECT_EQ(*clear_bad(desk_, "app"), ExitCode::nothing_to_do);
  forgotten_ = 2;
  EXPECT_EQ(*clear_bad(desk_, "app"), ExitCode::done) << "what the agent kept counts, too";
}

TEST_F(CommandsTest, UpdateNamesItsProduct) {
  EXPECT_EQ(*update(desk_, "app", false), ExitCode::done);
  EXPECT_EQ(asked_.at(0).value("product", ""), "app");
}

TEST_F(CommandsTest, WhyShowsEachWayAndItsReason) {
  EXPECT_EQ(*why(desk_, "app"), ExitCode::done);
  EXPECT_THAT(out_.str(), HasSubstr("no update was planned yet"));
  why_.plan = messages::PlanStatus{
      .from = "1.0.0", .to = "1.1.0", .link = "normal", .reason = "the least", .at = clock_.now(), .ways = {}};
  why_.plan->ways.push_back({.kind = "delta",
                             .what = "delta from 1.0.0 (10 B)",
                             .is_chosen = true,
                             .is_usable = true,
                             .verdict = "it costs least",
                             .disk = {},
                             .site = {},
                             .origin = 10_B,
                             .cost = 640,
                             .packages = {"pkg/app/a.upd"}});
  why_.plan->ways.push_back({.kind = "nothing",
                             .what = "nothing to fetch",
                             .is_chosen = false,
                             .is_usable = false,
                             .verdict = "1.1.0 is not on disk",
                             .disk = {},
                             .site = {},
                             .origin = {},
                             .cost = 0,
                             .packages = {}});
  EXPECT_EQ(*why(desk_, ""), ExitCode::done);
  EXPECT_THAT(out_.str(), HasSubstr("1.0.0 -> 1.1.0"));
  EXPECT_THAT(out_.str(), HasSubstr("it costs least"));
  EXPECT_THAT(out_.str(), HasSubstr("not on disk"));
  EXPECT_THAT(out_.str(), HasSubstr("does not give to others"));
  EXPECT_THAT(out_.str(), HasSubstr("31 % are left"));
  EXPECT_THAT(out_.str(), HasSubstr("nobody else is here"));
  desk_.json = true;
  out_.str("");
  EXPECT_EQ(*why(desk_, "app"), ExitCode::done);
  const auto back = messages::parse_why(*parse_json(out_.str(), "output"));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->products.at(0).plan->ways.at(0).packages.at(0), "pkg/app/a.upd");
}

}  // namespace
}  // namespace upswarm::command_line
