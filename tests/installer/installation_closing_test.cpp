// What an installation does about programs of the release that is left.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationClosingTest : public testing::TestWithParam<const char*> {
 protected:
  InstallationClosingTest() {
    machine.layout = GetParam();
    for (auto* const release : {&one, &two}) {
      set_layout(*release, GetParam());
      release->entry.services = {"web"};
    }
    EXPECT_TRUE(machine.install(one));
    machine.runner.calls.clear();
    machine.product.closing.running = Running::ask;
  }
  messages::Outcome install_two() {
    auto outcome = machine.install(two);
    EXPECT_TRUE(outcome) << outcome.error().message();
    return outcome ? *outcome : messages::Outcome{};
  }
  bool is_in_place() const { return machine.layout == trust::kInPlaceLayout; }

  tests::TemporaryFolder folder;
  TestMachine machine{folder.path()};
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
};

using Calls = std::vector<std::string>;

TEST_P(InstallationClosingTest, ComesAfterTheServicesAndBeforeTheSwitch) {
  machine.runner.on_call = [&](const std::string& call) {
    if (call == "close 1.0.0") machine.expect_runs(one);
  };
  EXPECT_EQ(install_two().result, "completed");
  EXPECT_EQ(machine.runner.calls, (Calls{"stop web", "close 1.0.0", "start web", "health 2.0.0"}));
}

TEST_P(InstallationClosingTest, IsNotDoneUnlessWanted) {
  machine.product.closing.running = Running::leave;
  EXPECT_EQ(install_two().result, "completed");
  EXPECT_EQ(machine.runner.calls, (Calls{"stop web", "start web", "health 2.0.0"}));
}

TEST_P(InstallationClosingTest, WhatDoesNotEndPutsOffOnlyWhatWouldChangeItsFiles) {
  machine.runner.failures["close 1.0.0"] = Error{ErrorKind::busy, "close", "still running: bin/app"};
  const auto outcome = install_two();
  if (!is_in_place()) {
    EXPECT_EQ(outcome.result, "completed");
    return machine.expect_runs(two);
  }
  EXPECT_EQ(outcome.result, "rolled_back");
  EXPECT_NE(outcome.reason.find("still running: bin/app"), std::string::npos) << outcome.reason;
  EXPECT_EQ(machine.runner.calls, (Calls{"stop web", "close 1.0.0", "stop web", "start web"}))
      << "and what was asked once is not asked again";
  EXPECT_TRUE(machine.record().bad.empty()) << "no release is to blame";
  machine.expect_runs(one);
}

TEST_P(InstallationClosingTest, WhatRunsOfABadReleaseIsClosedOnTheWayBack) {
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health", "words"};
  EXPECT_EQ(install_two().result, "rolled_back");
  EXPECT_EQ(machine.runner.calls,
            (Calls{"stop web", "close 1.0.0", "start web", "health 2.0.0", "stop web", "close 2.0.0", "start web"}));
  machine.expect_runs(one);
}

TEST_P(InstallationClosingTest, GoingBackDoesNotFailForIt) {
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health", "words"};
  machine.runner.failures["close 2.0.0"] = Error{ErrorKind::busy, "close", "words"};
  EXPECT_EQ(install_two().result, "rolled_back");
  machine.expect_runs(one);
}

TEST_P(InstallationClosingTest, AStopOfTheInstallerMeanwhileIsNobodysFault) {
  machine.runner.failures["close 1.0.0"] = Error{ErrorKind::cancelled, "close", "stopped"};
  EXPECT_FALSE(machine.install(two));
  machine.runner.failures.clear();
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_TRUE(machine.record().bad.empty());
  machine.expect_runs(one);
}

INSTANTIATE_TEST_SUITE_P(Layouts, InstallationClosingTest,
                         testing::Values(trust::kVersionedLayout, trust::kInPlaceLayout));

}  // namespace
}  // namespace upswarm::installer
