// Releases that another installer installs; power cuts and failures are in installation_stops_test.cpp.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationForeignTest : public testing::Test {
 protected:
  InstallationForeignTest() {
    machine.layout = trust::kForeignLayout;
    for (auto* const release : {&one, &two}) set_layout(*release, trust::kForeignLayout);
  }
  messages::Outcome install(const tests::MadeRelease& release) {
    auto outcome = machine.install(release);
    EXPECT_TRUE(outcome) << outcome.error().message();
    return std::move(outcome).value_or({});
  }

  tests::TemporaryFolder folder;
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
  TestMachine machine{folder / "machine"};
};

TEST_F(InstallationForeignTest, WhatIsDetectedAfterwardsIsSuccessAndGoesBack) {
  EXPECT_EQ(install(one).result, "completed");
  const auto outcome = install(two);
  EXPECT_EQ(outcome.result, "completed");
  EXPECT_NE(outcome.reason.find("best effort"), std::string::npos);
  EXPECT_EQ(machine.installed(), "2.0.0");
  machine.expect_runs(two);
  ASSERT_TRUE(machine.installation().roll_back("", {}, {}));
  EXPECT_EQ(machine.installed(), "1.0.0");
  machine.expect_runs(one);
}

TEST_F(InstallationForeignTest, ABadExitCodeIsTheReleasesFaultAndTheOldOneIsPutBack) {
  install(one);
  machine.exit_codes["2.0.0"] = 1;
  const auto outcome = install(two);
  EXPECT_EQ(outcome.result, "rolled_back");
  EXPECT_NE(outcome.reason.find("exit code 1"), std::string::npos) << outcome.reason;
  EXPECT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.installs, 3) << "who was begun may have changed something, whatever a rule finds";
  EXPECT_EQ(machine.unpacked(), "1.0.0");
  machine.expect_runs(one);
}

TEST_F(InstallationForeignTest, AnExitCodeThatSaysNotNowBlamesNobody) {
  install(one);
  machine.exit_codes["2.0.0"] = 1618;
  EXPECT_EQ(install(two).result, "rolled_back");
  EXPECT_TRUE(machine.record().bad.empty());
  EXPECT_NE(machine.record().setback(two.entry.content), nullptr) << "it is waited for";
  EXPECT_EQ(machine.installs, 2) << "by its own word nothing was changed, and the rules agree";
  machine.expect_runs(one);
}

TEST_F(InstallationForeignTest, ARebootThatIsNeededIsToldInTheOutcome) {
  install(one);
  machine.exit_codes["2.0.0"] = 3010;
  const auto outcome = install(two);
  EXPECT_EQ(outcome.result, "completed");
  EXPECT_NE(outcome.reason.find("must be restarted"), std::string::npos) << outcome.reason;
}

TEST_F(InstallationForeignTest, SuccessThatIsNotDetectedIsNone) {
  install(one);
  two.entry.foreign->detection.output = "another version";
  const auto outcome = install(two);
  EXPECT_EQ(outcome.result, "rolled_back");
  EXPECT_NE(outcome.reason.find("something else is installed"), std::string::npos) << outcome.reason;
  EXPECT_EQ(machine.installed(), "1.0.0") << "put back";
  machine.expect_runs(one);
}

TEST_F(InstallationForeignTest, WhatIsNotHealthyIsPutBackAndWhereThatFailsItIsSaid) {
  install(one);
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health check", "bad"};
  EXPECT_EQ(install(two).result, "rolled_back");
  EXPECT_EQ(machine.installed(), "1.0.0");
  EXPECT_EQ(machine.installs, 3);
  machine.exit_codes["1.0.0"] = 7;
  auto record = machine.record();
  record.bad.clear();
  ASSERT_TRUE(machine.records.save(record));
  const auto outcome = install(two);
  EXPECT_EQ(outcome.result, "failed") << "what is installed is not what was";
  EXPECT_NE(outcome.reason.find("exit code 7"), std::string::npos) << outcome.reason;
}

TEST_F(InstallationForeignTest, OfAFirstReleaseWhatStaysIsSaid) {
  machine.runner.failures["health 1.0.0"] = Error{ErrorKind::invalid, "health check", "bad"};
  const auto outcome = install(one);
  EXPECT_EQ(outcome.result, "failed");
  EXPECT_NE(outcome.reason.find("stays"), std::string::npos) << outcome.reason;
  EXPECT_EQ(machine.record().current, "");
}

TEST_F(InstallationForeignTest, AFirstReleaseThatIsHalfInstalledIsNotCalledRolledBack) {
  machine.exit_codes["1.0.0"] = 1;
  const auto outcome = install(one);
  EXPECT_EQ(outcome.result, "failed");
  EXPECT_NE(outcome.reason.find("was begun, and its rule does not find it"), std::string::npos) << outcome.reason;
  EXPECT_EQ(machine.unpacked(), "1.0.0");
  EXPECT_EQ(machine.record().current, "");
}

TEST_F(InstallationForeignTest, WhatWasNeverBegunIsNotPutBack) {
  one.entry.services = {"web"};
  install(one);
  machine.runner.failures["stop web"] = Error{ErrorKind::busy, "stop", "it does not"};
  EXPECT_EQ(install(two).result, "rolled_back");
  EXPECT_EQ(machine.installs, 1);
  machine.expect_runs(one);
}

/// The rule of the new release is true before its command has ended, and the power goes then.
TEST_F(InstallationForeignTest, ARuleThatIsTrueTooEarlyDoesNotCompleteWhatHadNotEnded) {
  install(one);
  machine.runner.on_program = [this](const auto& argv) {
    auto outcome = machine.act_as_system(argv);
    if (argv.at(0) == "/install") machine.files.stop_at(1);
    return outcome;
  };
  ASSERT_FALSE(machine.install(two));
  ASSERT_EQ(machine.installed(), "2.0.0");
  machine.runner.on_program = [this](const auto& argv) { return machine.act_as_system(argv); };
  machine.files.stop_at({});
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ((*outcome)->result, "rolled_back") << (*outcome)->reason;
  EXPECT_EQ(machine.installed(), "1.0.0");
  machine.expect_runs(one);
}

TEST_F(InstallationForeignTest, AFileOfTheSignedDigestIsDetectedToo) {
  one.entry.foreign->detection = {.kind = trust::Detection::Kind::file,
                                  .path = machine.system_file().string(),
                                  .sha256 = sha256(std::string_view("1.0.0"))};
  EXPECT_EQ(install(one).result, "completed");
  two.entry.foreign->detection = one.entry.foreign->detection;
  EXPECT_EQ(install(two).result, "rolled_back");
}

TEST_F(InstallationForeignTest, WhatHadComeToItsEndBeforeTheCrashIsGoneOnWith) {
  install(one);
  two.entry.hooks.after = trust::Command{.argv = {"bin/app"}};
  machine.runner.failures["hook after"] = Error{ErrorKind::disk, "hook after", "the power is gone"};
  machine.runner.on_call = [this](const std::string& call) {
    if (call == "hook after") machine.files.stop_at(1);
  };
  ASSERT_FALSE(machine.install(two));
  machine.runner.failures.clear();
  machine.runner.on_call = nullptr;
  machine.files.stop_at({});
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ((*outcome)->result, "completed") << (*outcome)->reason;
  EXPECT_EQ(machine.installs, 2) << "it is not installed twice";
  machine.expect_runs(two);
}

}  // namespace
}  // namespace upswarm::installer
