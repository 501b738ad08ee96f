#include "installer/release_runner.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

class FakeConfirmations final : public Confirmations {
 public:
  Result<void> expect(const std::string& product, const Expectation& from) override {
    expected = product;
    programs = from.programs;
    return {};
  }
  Result<bool> resume(const std::string& product, const Expectation& /*from*/) override {
    resumed = product;
    return true;
  }
  void forget(const std::string& product) override { forgotten = product; }
  bool is_confirmed(const std::string& /*product*/) override { return ++asked > confirm_after; }

  std::string expected;
  std::string resumed;
  std::string forgotten;
  Path programs;
  int asked = 0;
  int confirm_after = 0;
};

class ReleaseRunnerTest : public testing::Test {
 protected:
  trust::Command script(const std::string& text) {
    folder.write("release/bin/script", "#!/bin/sh\n" + text + "\n", 0755);
    return {.argv = {"bin/script"}, .timeout = std::chrono::seconds(10), .run_as = {}};
  }

  tests::TemporaryFolder folder;
  FakeConfirmations confirmations;
  std::unique_ptr<ReleaseRunner> runner = make_process_runner(folder / "systemctl", make_fork_runner(), confirmations);
  RunContext context{
      .product = "app", .version = "2.0.0", .from = "1.0.0", .root = folder / "root", .release = folder / "release"};
};

TEST_F(ReleaseRunnerTest, AHookRunsInItsReleaseAndIsToldWhatHappens) {
  const auto hook = script("echo $UPSWARM_PRODUCT $UPSWARM_FROM $UPSWARM_VERSION $(pwd) > out");
  ASSERT_TRUE(runner->run_hook("after", hook, context, {}));
  EXPECT_EQ(folder.read("release/out"), "app 1.0.0 2.0.0 " + (folder / "release").string() + "\n");
}

TEST_F(ReleaseRunnerTest, NothingOfOurEnvironmentReachesAHook) {
  ::setenv("UPSWARM_SECRET_OF_THE_TEST", "1", 1);
  ASSERT_TRUE(runner->run_hook("after", script("env > out"), context, {}));
  EXPECT_EQ(folder.read("release/out").find("SECRET"), std::string::npos);
}

TEST_F(ReleaseRunnerTest, AFailingHookTellsItsLastWords) {
  const auto result = runner->run_hook("before", script("echo the database is in use >&2; exit 7"), context, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "hook before of app 2.0.0: exit code 7; its last words: the database is in use");
}

/// As a detection rule reads it: what it warns of is no answer.
TEST_F(ReleaseRunnerTest, WhatAProgramPrintsIsGivenWithoutItsWarnings) {
  const auto outcome = runner->run_program(script("echo 2.0.0; echo the locale is not set >&2"), context, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->output, "2.0.0\n");
  EXPECT_EQ(outcome->errors, "the locale is not set\n");
}

TEST_F(ReleaseRunnerTest, AHookThatHangsIsEnded) {
  auto hook = script("sleep 60");
  hook.timeout = std::chrono::milliseconds(200);
  const auto result = runner->run_hook("before", hook, context, {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().cause.find("too long"), std::string::npos);
}

TEST_F(ReleaseRunnerTest, AMissingHookIsNotSuccess) {
  EXPECT_EQ(runner->run_hook("before", {.argv = {"bin/nothing"}}, context, {}).error().kind, ErrorKind::invalid);
}

TEST_F(ReleaseRunnerTest, AMissingAccountIsTheMachinesFault) {
  auto hook = script("true");
  hook.run_as = "no-such-account";
  EXPECT_EQ(runner->run_hook("before", hook, context, {}).error().kind, ErrorKind::denied);
}

TEST_F(ReleaseRunnerTest, HealthIsAskedAgainUntilItIsGood) {
  trust::HealthCheck health{.kind = trust::HealthCheck::Kind::command,
                            .command = script("echo x >> count; [ $(wc -l < count) -ge 3 ]"),
                            .within = std::chrono::seconds(30),
                            .every = std::chrono::milliseconds(1)};
  EXPECT_TRUE(runner->check_health(health, context, {}));
  EXPECT_EQ(folder.read("release/count"), "x\nx\nx\n");
}

TEST_F(ReleaseRunnerTest, HealthThatStaysBadFailsWithItsWords) {
  trust::HealthCheck health{.kind = trust::HealthCheck::Kind::command,
                            .command = script("echo broken; exit 1"),
                            .within = std::chrono::milliseconds(100),
                            .every = std::chrono::milliseconds(10)};
  const auto result = runner->check_health(health, context, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  EXPECT_NE(result.error().cause.find("broken"), std::string::npos);
}

TEST_F(ReleaseRunnerTest, AConfirmationIsWaitedFor) {
  trust::HealthCheck health{.kind = trust::HealthCheck::Kind::confirm,
                            .command = {},
                            .within = std::chrono::seconds(30),
                            .every = std::chrono::milliseconds(1)};
  confirmations.confirm_after = 3;
  ASSERT_TRUE(runner->prepare_health(health, context));
  EXPECT_EQ(confirmations.expected, "app");
  EXPECT_EQ(confirmations.programs, "");
  EXPECT_TRUE(runner->check_health(health, context, {}));
  EXPECT_EQ(confirmations.forgotten, "app");
  health.executable = true;
  ASSERT_TRUE(runner->prepare_health(health, context));
  EXPECT_EQ(confirmations.programs, context.release);
}

TEST_F(ReleaseRunnerTest, AProbationGoesOnAfterARestart) {
  trust::HealthCheck health;
  EXPECT_FALSE(*runner->resume_health(health, context));
  health.kind = trust::HealthCheck::Kind::confirm;
  EXPECT_TRUE(*runner->resume_health(health, context));
  EXPECT_EQ(confirmations.resumed, "app");
  EXPECT_EQ(confirmations.expected, "");
}

TEST_F(ReleaseRunnerTest, ServicesAreLookedAtAfterTheCheck) {
  folder.write("systemctl", "#!/bin/sh\nprintf 'ActiveState=failed\\n'\n", 0755);
  EXPECT_TRUE(runner->check_health({}, context, {})) << "no service was started";
  context.services = {"web"};
  const auto checked = runner->check_health({}, context, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::invalid);
  EXPECT_EQ(checked.error().cause, "it has failed");
}

TEST_F(ReleaseRunnerTest, AStableServiceIsWatchedForAsLongAsAsked) {
  const auto with_restarts = [&](const std::string& later) {
    folder.write("asked", "");
    folder.write("systemctl",
                 "#!/bin/sh\nfor name; do :; done\n[ $name = web ] || exit 1\ncd '" + folder.path().string() +
                     "'\nrestarts=3\n[ -s asked ] && restarts=" + later +
                     "\necho x >> asked\necho ActiveState=active\necho NRestarts=$restarts\necho MainPID=" +
                     std::filesystem::read_symlink("/proc/self").string() + "\n",
                 0755);
  };
  context.services = {"web"};
  const trust::HealthCheck health{.every = std::chrono::milliseconds(1), .stable = std::chrono::milliseconds(100)};
  with_restarts("3");
  EXPECT_TRUE(runner->check_health(health, context, {}));
  EXPECT_GT(folder.read("asked").size(), 4U) << "more often than at the beginning and once";
  with_restarts("5");
  EXPECT_EQ(runner->check_health(health, context, {}).error().cause, "it was restarted 2 times");
}

TEST_F(ReleaseRunnerTest, WithoutAListenerHttpIsAskedAgainAndFails) {
  const trust::HealthCheck health{.kind = trust::HealthCheck::Kind::http,
                                  .within = std::chrono::milliseconds(20),
                                  .every = std::chrono::milliseconds(1),
                                  .account = "root",
                                  .port = 1};
  const auto checked = runner->check_health(health, context, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message(), "health check of app 2.0.0: ask http://localhost:1/: nobody listens there");
}

TEST_F(ReleaseRunnerTest, AConfirmationThatNeverComesFails) {
  trust::HealthCheck health{.kind = trust::HealthCheck::Kind::confirm,
                            .command = {},
                            .within = std::chrono::milliseconds(20),
                            .every = std::chrono::milliseconds(5)};
  confirmations.confirm_after = 1'000'000;
  EXPECT_EQ(runner->check_health(health, context, {}).error().kind, ErrorKind::invalid);
}

TEST_F(ReleaseRunnerTest, AStopIsNoVerdict) {
  std::jthread stopped([](const std::stop_token&) {});  // (a stop_source of its own: g++ 12 warns falsely)
  stopped.request_stop();
  trust::HealthCheck health{.kind = trust::HealthCheck::Kind::command,
                            .command = script("sleep 60"),
                            .within = std::chrono::seconds(60),
                            .every = std::chrono::seconds(1)};
  EXPECT_EQ(runner->check_health(health, context, stopped.get_stop_token()).error().kind, ErrorKind::cancelled);
}

TEST_F(ReleaseRunnerTest, ServicesStopInReverseAndStartInOrder) {
  folder.write("systemctl", "#!/bin/sh\necho $1 $2 >> " + (folder / "calls").string() + "\n", 0755);
  ASSERT_TRUE(runner->stop_services({"db", "web"}, {}));
  ASSERT_TRUE(runner->start_services({"db", "web"}, {}));
  EXPECT_EQ(folder.read("calls"), "stop web\nstop db\nstart db\nstart web\n");
}

TEST_F(ReleaseRunnerTest, NobodyIsToBlameWhileTheMachineGoesDown) {
  const auto all_fail = [&] {
    context.services = {"web"};
    const auto hook = runner->run_hook("after", script("exit 1"), context, {});
    const auto start = runner->start_services({"web"}, {});
    const auto health = runner->check_health({}, context, {});
    EXPECT_FALSE(hook || start || health);
    return std::vector{hook.error().kind, start.error().kind, health.error().kind};
  };
  const auto systemctl = [&](const std::string& of_shutdown) {
    folder.write("systemctl",
                 "#!/bin/sh\nfor name; do :; done\n[ $1 = show ] || exit 1\nif [ $name = shutdown.target ]; then " +
                     of_shutdown + "; else echo ActiveState=failed; fi\n",
                 0755);
  };
  const std::vector nobodys(3, ErrorKind::denied);
  const std::vector the_releases(3, ErrorKind::invalid);
  systemctl("echo ActiveState=inactive; echo Job=9");
  EXPECT_EQ(all_fail(), nobodys);
  systemctl("echo ActiveState=active");
  EXPECT_EQ(all_fail(), nobodys);
  systemctl("echo ActiveState=inactive");
  EXPECT_EQ(all_fail(), the_releases);
  systemctl("exit 1");
  EXPECT_EQ(all_fail(), the_releases) << "it cannot be told";
}

TEST_F(ReleaseRunnerTest, AServiceThatFailsIsNamed) {
  folder.write("systemctl", "#!/bin/sh\necho unit not found; exit 5\n", 0755);
  const auto result = runner->start_services({"web"}, {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("start the service web"), std::string::npos);
  EXPECT_NE(result.error().message().find("unit not found"), std::string::npos);
}

}  // namespace
}  // namespace upswarm::installer
