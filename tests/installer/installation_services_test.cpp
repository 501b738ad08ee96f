// Services around a switch, and whose fault it is when they fail.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationServicesTest : public testing::Test {
 protected:
  InstallationServicesTest() {
    one.entry.services = {"db", "web"};
    two.entry.services = {"db", "web", "queue"};
    EXPECT_TRUE(machine.install(one));
    calls().clear();
  }
  std::vector<std::string>& calls() { return machine.runner.calls; }
  messages::Outcome install_two() {
    auto outcome = machine.install(two);
    EXPECT_TRUE(outcome) << outcome.error().message();
    return outcome ? *outcome : messages::Outcome{};
  }
  void fail(const std::string& call, ErrorKind kind) { machine.runner.failures[call] = Error{kind, call, "words"}; }

  tests::TemporaryFolder folder;
  TestMachine machine{folder.path()};
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
};

using Calls = std::vector<std::string>;

TEST_F(InstallationServicesTest, WhatAnAdministratorStoppedStaysStopped) {
  machine.runner.stopped = {"web"};
  EXPECT_EQ(install_two().result, "completed");
  EXPECT_EQ(calls(), (Calls{"stop db", "start db", "start queue", "health 2.0.0"}));
}

TEST_F(InstallationServicesTest, AlsoAfterARollback) {
  machine.runner.stopped = {"web"};
  fail("health 2.0.0", ErrorKind::invalid);
  EXPECT_EQ(install_two().result, "rolled_back");
  EXPECT_EQ(calls(), (Calls{"stop db", "start db", "start queue", "health 2.0.0", "stop db", "stop web", "stop queue",
                            "start db"}));
  machine.expect_runs(one);
}

TEST_F(InstallationServicesTest, AlsoAfterARestartInProbation) {
  machine.runner.stopped = {"web"};
  fail("health 2.0.0", ErrorKind::cancelled);
  EXPECT_FALSE(machine.install(two));
  machine.runner.failures.clear();
  machine.runner.stopped = {"web", "db"};
  calls().clear();
  ASSERT_TRUE(machine.installation().recover({}, {}));
  EXPECT_EQ(calls(), (Calls{"start db", "start queue", "health 2.0.0"})) << "as it was before the switch";
}

TEST_F(InstallationServicesTest, WhatLostItsTokenInARebootIsStartedAnew) {
  fail("health 2.0.0", ErrorKind::cancelled);
  EXPECT_FALSE(machine.install(two));
  machine.runner.failures.clear();
  machine.runner.is_token_lost = true;
  calls().clear();
  ASSERT_TRUE(machine.installation().recover({}, {}));
  EXPECT_EQ(calls(),
            (Calls{"stop db", "stop web", "stop queue", "start db", "start web", "start queue", "health 2.0.0"}));
  machine.expect_runs(two);
}

TEST_F(InstallationServicesTest, WhereAllWereStoppedNothingRunsThatCouldBeChecked) {
  two.entry.services = {"web"};
  machine.runner.stopped = {"db", "web"};
  EXPECT_EQ(install_two().result, "completed");
  EXPECT_EQ(calls(), Calls{});
}

TEST_F(InstallationServicesTest, AnOldServiceThatDoesNotStopBlamesNobody) {
  fail("stop web", ErrorKind::busy);
  const auto outcome = install_two();
  EXPECT_EQ(outcome.result, "rolled_back");
  machine.expect_runs(one);
  EXPECT_TRUE(machine.record().bad.empty());
  EXPECT_EQ(calls().back(), "start web") << "what was stopped runs again";
}

TEST_F(InstallationServicesTest, WithoutAServiceManagerNothingIsTouched) {
  fail("look", ErrorKind::denied);
  EXPECT_EQ(install_two().result, "failed");
  EXPECT_EQ(calls(), Calls{});
  machine.expect_runs(one);
  EXPECT_TRUE(machine.record().bad.empty());
}

TEST_F(InstallationServicesTest, WhatFailsOnTheWayBackIsTold) {
  fail("health 2.0.0", ErrorKind::invalid);
  fail("start db", ErrorKind::invalid);
  const auto outcome = install_two();
  EXPECT_EQ(outcome.result, "rolled_back");
  EXPECT_NE(outcome.reason.find("; while rolling back: start db: words"), std::string::npos) << outcome.reason;
}

}  // namespace
}  // namespace upswarm::installer
