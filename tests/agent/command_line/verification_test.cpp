#include "protocol/messages/verification.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "agent/command_line/commands.hpp"
#include "protocol/messages/agent_messages.hpp"
#include "protocol/messages/installer_messages.hpp"
#include "tests/support/fake_clock.hpp"

namespace upswarm::command_line {
namespace {

using testing::HasSubstr;

/// Two products; "app" is as a test says. A repair ends after some questions.
class VerificationTest : public testing::Test {
 protected:
  VerificationTest() {
    found_.product = "app";
    found_.version = "1.0.0";
    found_.read = 30_MiB;
    found_.last_outcome = 4;
  }
  void damage() {
    found_.damage = {{messages::DamageKind::altered, "share/data\x1b[2J", "its content was altered"}};
    found_.counts = {1, 0, 0, 0};
    found_.needs_package = true;
    found_.to_fetch = 3_MiB;
  }

  Result<Json> ask_installer(const Json& question) {
    const std::string word = question["ask"];
    if (word == "verify" || word == "repair") {
      looked_.push_back(question["product"]);
      if (question["product"] == "app" && app_fails_) return *app_fails_;
      messages::Verification other;
      other.product = "other";
      return messages::to_json(question["product"] == "app" ? found_ : other);
    }
    if (word == "hello") {
      messages::Hello hello{.root_version = 1, .machine_id = "m", .products = {}};
      for (const char* name : {"app", "other"}) {
        messages::ProductState state;
        state.product = name;
        state.channel = state.platform = "x";
        hello.products.push_back(state);
      }
      return messages::to_json(hello);
    }
    if (word == "progress") return Json{{"products", Json::array()}};
    messages::Outcome outcome;
    outcome.number = ++outcomes_asked_ > 2 ? 5 : 4;
    outcome.product = "app";
    outcome.kind = "repair";
    outcome.result = result_;
    outcome.reason = "share/data (its content was altered)";
    if (!comes_) outcome.number = 4;
    return Json{{"outcomes", Json::array({messages::to_json(outcome)})}};
  }
  Result<Json> ask_agent(const Json& question) {
    if (agent_down_) return *agent_down_;
    const std::string word = question["ask"];
    if (word == "check") return Json{{"cycle", 7}};
    if (word == "history") {
      messages::HistoryItem item;
      item.outcome.number = 5;
      item.outcome.product = "app";
      item.bytes.site = 64_KiB;
      return messages::history_to_json({item});
    }
    messages::AgentStatus status;
    status.cycles_ended = cycles_ended_++;
    return messages::to_json(status);
  }

  messages::Verification found_;
  std::vector<std::string> looked_;
  std::optional<Error> agent_down_;
  std::optional<Error> app_fails_;
  std::string result_ = "completed";
  bool comes_ = true;
  int outcomes_asked_ = 0;
  std::int64_t cycles_ended_ = 2;
  std::ostringstream out_;
  tests::FakeClock clock_;
  std::stop_source stop_;
  Desk desk_{.agent = [this](const Json& question) { return ask_agent(question); },
             .installer = [this](const Json& question) { return ask_installer(question); },
             .reader = [this](const Json& question) { return ask_installer(question); },
             .out = out_,
             .clock = clock_,
             .json = false,
             .is_terminal = false,
             .pause = [](std::chrono::milliseconds, const std::stop_token&) {},
             .stop = stop_.get_token()};
};

TEST_F(VerificationTest, TheExitCodeSaysWhetherAllIsWhole) {
  EXPECT_EQ(*verify(desk_, "app"), ExitCode::done);
  EXPECT_THAT(out_.str(), HasSubstr("app 1.0.0 is whole: 30.0 MiB were read"));
  damage();
  EXPECT_EQ(*verify(desk_, "app"), ExitCode::damaged);
  EXPECT_EQ(*verify(desk_, "other"), ExitCode::nothing_to_do);
}

TEST_F(VerificationTest, WithoutANameEachProductHasItsTurn) {
  EXPECT_EQ(*verify(desk_, ""), ExitCode::done) << "the other is not installed";
  EXPECT_EQ(looked_, (std::vector<std::string>{"app", "other"}));
  damage();
  EXPECT_EQ(*verify(desk_, ""), ExitCode::damaged);
}

TEST_F(VerificationTest, AnErrorOfOneKeepsNoOtherFromItsTurn) {
  app_fails_ = Error{ErrorKind::busy, "verify app", "the installer is at work on app"};
  const auto code = verify(desk_, "");
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().kind, ErrorKind::busy);
  EXPECT_EQ(looked_, (std::vector<std::string>{"app", "other"}));
}

TEST_F(VerificationTest, ARepairThatTheInstallerNeverBeginsIsNotWaitedForForEver) {
  found_.damage = {{messages::DamageKind::mode, "share", "its mode is 0700 instead of 0755"}};
  found_.counts = {0, 0, 0, 1};
  comes_ = false;
  EXPECT_EQ(repair(desk_, "app").error().kind, ErrorKind::busy);
}

TEST_F(VerificationTest, WhatIsDamagedIsNamedWithoutCommandsToTheTerminal) {
  damage();
  ASSERT_TRUE(verify(desk_, "app"));
  EXPECT_THAT(out_.str(), HasSubstr("share/data?[2J: its content was altered"));
  EXPECT_THAT(out_.str(), HasSubstr("at most 3.00 MiB"));
}

TEST_F(VerificationTest, ARepairIsWaitedForAndSaysWhereItsBytesCameFrom) {
  damage();
  EXPECT_EQ(*repair(desk_, "app"), ExitCode::done);
  EXPECT_EQ(outcomes_asked_, 3) << "an outcome from before is not taken for it";
  EXPECT_THAT(out_.str(), HasSubstr("Repaired: share/data"));
  EXPECT_THAT(out_.str(), HasSubstr("site 64.0 KiB"));
}

TEST_F(VerificationTest, ARepairOfWhatIsWholeAsksNobody) {
  agent_down_ = Error{ErrorKind::unreachable, "reach the agent", "it does not run"};
  EXPECT_EQ(*repair(desk_, "app"), ExitCode::done);
  EXPECT_EQ(outcomes_asked_, 0);
}

TEST_F(VerificationTest, ARepairThatFailsSaysSo) {
  damage();
  result_ = "failed";
  EXPECT_EQ(*repair(desk_, "app"), ExitCode::failed);
  EXPECT_THAT(out_.str(), HasSubstr("Not repaired: "));
}

TEST_F(VerificationTest, AnAgentThatBringsNothingIsNotWaitedForForEver) {
  damage();
  comes_ = false;
  const auto repaired = repair(desk_, "app");
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().kind, ErrorKind::unreachable);
  agent_down_ = Error{ErrorKind::unreachable, "reach the agent", "it does not run"};
  EXPECT_FALSE(repair(desk_, "app"));
}

TEST_F(VerificationTest, WhatNeedsNoPackageNeedsNoAgent) {
  damage();
  found_.needs_package = false;
  agent_down_ = Error{ErrorKind::unreachable, "reach the agent", "it does not run"};
  EXPECT_EQ(*repair(desk_, "app"), ExitCode::done);
}

TEST_F(VerificationTest, AsJsonOneDocumentAProduct) {
  damage();
  desk_.json = true;
  EXPECT_EQ(*repair(desk_, "app"), ExitCode::done);
  const auto answer = parse_json(out_.str(), "the answer");
  ASSERT_TRUE(answer) << out_.str();
  EXPECT_EQ((*answer)["result"], "repaired");
  EXPECT_EQ((*answer)["bytes"]["site"], (64_KiB).count);
}

TEST_F(VerificationTest, OnATerminalProgressIsShownMeanwhile) {
  desk_.is_terminal = true;
  EXPECT_EQ(*verify(desk_, "app"), ExitCode::done);
  EXPECT_THAT(out_.str(), HasSubstr("is whole"));
}

}  // namespace
}  // namespace upswarm::command_line
