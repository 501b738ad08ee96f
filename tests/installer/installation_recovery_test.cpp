// What an installation does that is stopped, interrupted again and again, or that runs out of disk in the midst.
#include "tests/installer/installation_fixture.hpp"
#include "tests/support/disk_model.hpp"

namespace upswarm::installer {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class InstallationRecoveryTest : public testing::Test {
 protected:
  /// The installer is told to stop while the release is being checked.
  void stop_in_probation() {
    machine.runner.failures["health 2.0.0"] = Error{ErrorKind::cancelled, "health check", "stopped"};
    EXPECT_EQ(machine.install(two).error().kind, ErrorKind::cancelled);
  }
  /// The machine goes down at the first change after `call` of the runner.
  void go_down_at(const std::string& call) {
    machine.runner.failures[call] = Error{ErrorKind::disk, call, "the power is gone"};
    machine.runner.on_call = [this, call](const std::string& now) {
      if (now == call) machine.files.stop_at(1);
    };
  }
  void come_up() {
    machine.runner.failures.clear();
    machine.runner.on_call = nullptr;
    machine.files.stop_at({});
  }

  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(packages, "2.0.0", 2, tests::second_tree(), &one);
  tests::DiskModel disk;
  TestMachine machine{"/machine", disk};
};

TEST_F(InstallationRecoveryTest, StoppingTheInstallerInProbationIsNobodysFaultHoweverOften) {
  ASSERT_TRUE(machine.install(one));
  stop_in_probation();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(machine.installation().recover({}, {}).error().kind, ErrorKind::cancelled);
  come_up();
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ((*outcome)->result, "completed");
  machine.expect_runs(two);
}

TEST_F(InstallationRecoveryTest, AReleaseThatTakesTheMachineDownInProbationIsBlamedAtTheThirdTime) {
  ASSERT_TRUE(machine.install(one));
  go_down_at("health 2.0.0");
  ASSERT_FALSE(machine.install(two));
  for (int i = 0; i < 2; ++i) {
    machine.files.stop_at({});
    ASSERT_FALSE(machine.installation().recover({}, {}));
  }
  machine.files.stop_at({});
  ASSERT_TRUE(machine.installation().recover({}, {}));
  machine.expect_runs(one);
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.record().bad[0].content, two.entry.content);
}

TEST_F(InstallationRecoveryTest, AHookThatTakesTheMachineDownIsWaitedForAndThenBlamed) {
  ASSERT_TRUE(machine.install(one));
  two.entry.hooks.after = trust::Command{.argv = {"bin/app"}};
  const std::array waits{minutes(5), minutes(15)};
  for (const auto wait : waits) {
    go_down_at("hook after");
    ASSERT_FALSE(machine.install(two));
    come_up();
    ASSERT_TRUE(machine.installation().recover({}, {}));
    machine.expect_runs(one);
    EXPECT_TRUE(machine.record().bad.empty());
    const auto record = machine.record();
    const auto* const setback = record.setback(two.entry.content);
    ASSERT_NE(setback, nullptr);
    EXPECT_EQ(setback->not_before, machine.clock.now() + wait);
  }
  go_down_at("hook after");
  ASSERT_FALSE(machine.install(two));
  come_up();
  ASSERT_TRUE(machine.installation().recover({}, {}));
  machine.expect_runs(one);
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_TRUE(machine.record().setbacks.empty());
}

TEST_F(InstallationRecoveryTest, ARollbackForAFaultOfTheEnvironmentIsWaitedForAndForgottenWhenItGoesWell) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::no_space, "health check", "disk full"};
  ASSERT_TRUE(machine.install(two));
  EXPECT_TRUE(machine.record().bad.empty());
  ASSERT_NE(machine.record().setback(two.entry.content), nullptr);
  EXPECT_NE(machine.record().setback(two.entry.content)->reason.find("disk full"), std::string::npos);
  come_up();
  ASSERT_TRUE(machine.install(two));
  machine.expect_runs(two);
  EXPECT_TRUE(machine.record().setbacks.empty());
}

TEST_F(InstallationRecoveryTest, ARollbackThatIsStoppedWhileVerifyingHasAnOutcome) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(machine.installation().roll_back("", {}, stop.get_token()).error().kind, ErrorKind::cancelled);
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome);
  ASSERT_TRUE(*outcome);
  EXPECT_EQ((*outcome)->kind, "rollback");
  EXPECT_EQ((*outcome)->result, "failed");
  machine.expect_runs(two);
  EXPECT_TRUE(machine.record().bad.empty());
  ASSERT_TRUE(machine.installation().roll_back("", {}, {}));
  machine.expect_runs(one);
}

TEST_F(InstallationRecoveryTest, AProductThatFillsTheDiskInProbationIsRolledBack) {
  ASSERT_TRUE(machine.records.keep_reserve());
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health check", "exit code 1"};
  machine.runner.on_call = [this](const std::string& call) {
    if (call == "health 2.0.0") disk.set_capacity(disk.used());
  };
  const auto outcome = machine.install(two);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "rolled_back");
  machine.expect_runs(one);
  EXPECT_EQ(machine.record().bad.size(), 1U);
  EXPECT_FALSE(machine.record().journal);
}

TEST_F(InstallationRecoveryTest, WithoutAReserveRecoveryEndsItOnceThereIsSpace) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health check", "exit code 1"};
  machine.runner.on_call = [this](const std::string& call) {
    if (call == "health 2.0.0") disk.set_capacity(disk.used());
  };
  ASSERT_EQ(machine.install(two).error().kind, ErrorKind::no_space);
  ASSERT_FALSE(machine.installation().recover({}, {})) << "no better";
  disk.set_capacity(1_GiB);
  machine.runner.on_call = nullptr;
  ASSERT_TRUE(machine.installation().recover({}, {}));
  machine.expect_runs(one);
}

TEST_F(InstallationRecoveryTest, ATreeIsKeptAsLongAsAReleaseHasItsContent) {
  auto again = one;
  again.entry.version = "3.0.0";
  again.entry.counter = {1, 3};
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  machine.clock.time += hours(48);
  ASSERT_TRUE(machine.install(again)) << "takes 1.0.0 away";
  ASSERT_EQ(machine.record().find("1.0.0"), nullptr);
  const auto presence = machine.installation().present({one.entry.content}, {});
  ASSERT_TRUE(presence);
  EXPECT_EQ(presence->present.size(), 1U);
  EXPECT_TRUE(presence->damaged.empty());
}

TEST_F(InstallationRecoveryTest, TryingAgainWithoutARestartBlamesNobodyHoweverOften) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.on_call = [this](const std::string& call) {
    if (call == "health 2.0.0") disk.set_capacity(disk.used());
  };
  ASSERT_FALSE(machine.install(two));
  for (int i = 0; i < 5; ++i) {
    disk.set_capacity(1_GiB);
    ASSERT_FALSE(machine.installation().recover({}, {}, false));
  }
  machine.runner.on_call = nullptr;
  disk.set_capacity(1_GiB);
  ASSERT_TRUE(machine.installation().recover({}, {}, false));
  machine.expect_runs(two);
  EXPECT_TRUE(machine.record().bad.empty());
  EXPECT_TRUE(machine.record().setbacks.empty());
}

TEST_F(InstallationRecoveryTest, WhatRunsAgainIsLeftAloneWhileTheDiskIsFull) {
  one.entry.services = {"web"};
  two.entry.services = {"web"};
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health check", "exit code 1"};
  machine.runner.on_call = [this](const std::string& call) {
    if (call == "start web" && machine.current() == "1.0.0") disk.set_capacity(disk.used());
  };
  ASSERT_EQ(machine.install(two).error().kind, ErrorKind::no_space);
  EXPECT_EQ(machine.current(), "1.0.0");
  machine.runner.calls.clear();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(machine.installation().recover({}, {}, false));
  EXPECT_EQ(machine.runner.calls, std::vector<std::string>()) << "it is not stopped again for nothing";
  machine.runner.on_call = nullptr;
  disk.set_capacity(1_GiB);
  ASSERT_TRUE(machine.installation().recover({}, {}, false));
  machine.expect_runs(one);
}

TEST_F(InstallationRecoveryTest, AServiceThatARollbackCouldNotStartIsStartedByTheNextUpdate) {
  const auto three = tests::make_release(packages, "3.0.0", 3, tests::third_tree());
  auto next = three;
  for (auto* const release : {&one, &two, &next}) release->entry.services = {"web"};
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["start web"] = Error{ErrorKind::denied, "start web", "the service manager does not answer"};
  ASSERT_TRUE(machine.install(two));
  machine.expect_runs(one);
  machine.runner.failures.clear();
  machine.runner.stopped = {"web"};
  machine.runner.calls.clear();
  ASSERT_TRUE(machine.install(next));
  EXPECT_EQ(std::ranges::count(machine.runner.calls, "start web"), 1);
  EXPECT_EQ(std::ranges::count(machine.runner.calls, "health 3.0.0"), 1);
  EXPECT_TRUE(machine.record().owed.empty());
}

}  // namespace
}  // namespace upswarm::installer
