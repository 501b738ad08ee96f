#include "installer/installation.hpp"

#include <algorithm>

#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
  TestMachine machine{folder.path()};
};

TEST_F(InstallationTest, TheFirstReleaseIsInstalledWhole) {
  const auto outcome = machine.install(one);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed");
  EXPECT_EQ(outcome->kind, "full");
  EXPECT_EQ(outcome->from, "");
  EXPECT_EQ(outcome->running, "1.0.0");
  machine.expect_runs(one);
  EXPECT_FALSE(machine.record().journal);
  EXPECT_EQ(machine.record().highest, (trust::ReleaseCounter{1, 1}));
}

TEST_F(InstallationTest, ADeltaGivesTheSameTree) {
  ASSERT_TRUE(machine.install(one));
  const auto outcome = machine.install(two, "1.0.0");
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->kind, "delta");
  machine.expect_runs(two);
}

TEST_F(InstallationTest, ThePackageIsRemovedAfterwards) {
  ASSERT_TRUE(machine.install(one));
  EXPECT_FALSE(std::filesystem::exists(machine.installation().incoming()));
}

TEST_F(InstallationTest, ABadHealthCheckRollsBackAndBlamesTheRelease) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health check", "exit code 1"};
  const auto outcome = machine.install(two);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "rolled_back");
  EXPECT_EQ(outcome->running, "1.0.0");
  EXPECT_NE(outcome->reason.find("exit code 1"), std::string::npos);
  machine.expect_runs(one);
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.record().bad[0].content, two.entry.content);
  EXPECT_EQ(machine.record().highest, (trust::ReleaseCounter{1, 1}));
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/2.0.0"));
}

TEST_F(InstallationTest, ABadFirstReleaseLeavesNothingRunning) {
  machine.runner.failures["health 1.0.0"] = Error{ErrorKind::invalid, "health check", "exit code 1"};
  const auto outcome = machine.install(one);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "rolled_back");
  EXPECT_EQ(machine.current(), "");
}

TEST_F(InstallationTest, AFullDiskDuringTheCheckBlamesNobody) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::no_space, "health check", "disk full"};
  ASSERT_TRUE(machine.install(two));
  EXPECT_TRUE(machine.record().bad.empty());
  machine.expect_runs(one);
}

TEST_F(InstallationTest, TheHookBeforeCanStopAnUpdate) {
  ASSERT_TRUE(machine.install(one));
  two.entry.hooks.before = trust::Command{.argv = {"bin/app"}};
  machine.runner.failures["hook before"] = Error{ErrorKind::invalid, "hook before", "exit code 9"};
  const auto outcome = machine.install(two);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  machine.expect_runs(one);
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/2.0.0"));
}

TEST_F(InstallationTest, AFailingHookAfterRollsBack) {
  ASSERT_TRUE(machine.install(one));
  two.entry.hooks.after = trust::Command{.argv = {"bin/app"}};
  two.entry.hooks.rollback = trust::Command{.argv = {"bin/app"}};
  machine.runner.failures["hook after"] = Error{ErrorKind::invalid, "hook after", "exit code 9"};
  ASSERT_TRUE(machine.install(two));
  machine.expect_runs(one);
  EXPECT_TRUE(std::ranges::count(machine.runner.calls, "hook rollback"));
}

TEST_F(InstallationTest, ServicesStopBeforeAndStartAfterTheSwitch) {
  one.entry.services = {"db", "web"};
  two.entry.services = {"web"};
  ASSERT_TRUE(machine.install(one));
  machine.runner.calls.clear();
  ASSERT_TRUE(machine.install(two));
  EXPECT_EQ(machine.runner.calls, (std::vector<std::string>{"stop db", "stop web", "start web", "health 2.0.0"}));
}

TEST_F(InstallationTest, AServiceThatDoesNotStartRollsBack) {
  ASSERT_TRUE(machine.install(one));
  two.entry.services = {"web"};
  machine.runner.failures["start web"] = Error{ErrorKind::invalid, "start web", "exit code 1"};
  const auto outcome = machine.install(two);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "rolled_back");
  machine.expect_runs(one);
}

TEST_F(InstallationTest, APackageWithAnotherTreeIsRefused) {
  auto entry = two.entry;
  entry.content = sha256("something else");
  tests::MadeRelease wrong = two;
  wrong.entry = entry;
  const auto outcome = machine.install(wrong);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_EQ(machine.current(), "");
  EXPECT_TRUE(machine.record().bad.empty());
}

TEST_F(InstallationTest, ADeltaOnAnAlteredBaseIsRefusedAndTheBaseRunsOn) {
  ASSERT_TRUE(machine.install(one));
  folder.write("root/versions/1.0.0/share/same", "was altered!!");
  const auto outcome = machine.install(two, "1.0.0");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_EQ(machine.current(), "1.0.0");
}

TEST_F(InstallationTest, TooLittleSpaceIsSaidBeforeAnythingIsWritten) {
  machine.config.keep_free = Bytes{std::uint64_t{1} << 60U};
  const auto outcome = machine.install(one);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("are free"), std::string::npos) << outcome->reason;
  EXPECT_TRUE(machine.record().bad.empty());
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/.staging"));
}

TEST_F(InstallationTest, RollingBackGoesToTheReleaseBeforeAndKeepsTheOtherAway) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  const auto outcome = machine.installation().roll_back("", {}, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->kind, "rollback");
  machine.expect_runs(one);
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.record().bad[0].version, "2.0.0");
}

TEST_F(InstallationTest, RollingBackNeverGoesUpNorToWhatFailed) {
  ASSERT_TRUE(machine.install(two));
  one.entry.counter = {1, 1};
  ASSERT_TRUE(machine.install(one)) << "the way back of a withdrawal";
  EXPECT_EQ(machine.installation().roll_back("", {}, {}).error().kind, ErrorKind::not_found);
  machine.expect_runs(one);
  auto record = machine.record();
  ASSERT_TRUE(machine.install(two));
  record = machine.record();
  record.bad.push_back({one.entry.content, "1.0.0", "it failed", {}});
  ASSERT_TRUE(machine.records.save(record));
  EXPECT_EQ(machine.installation().roll_back("", {}, {}).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(machine.installation().roll_back("1.0.0", {}, {})) << "who names it gets it";
}

TEST_F(InstallationTest, TheSameReleaseUnderAnotherCounterOnlyTakesItsPlace) {
  ASSERT_TRUE(machine.install(one));
  auto promoted = one;
  promoted.entry.counter = {1, 7};
  promoted.entry.hooks.before = trust::Command{.argv = {"bin/app"}};
  machine.runner.failures["hook before"] = Error{ErrorKind::invalid, "hook before", "exit code 9"};
  machine.runner.calls.clear();
  const auto outcome = machine.install(promoted);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed");
  EXPECT_TRUE(machine.runner.calls.empty()) << "nothing was stopped, started or run";
  machine.expect_runs(one);
  EXPECT_EQ(machine.record().find("1.0.0")->entry.counter, (trust::ReleaseCounter{1, 7}));
  EXPECT_EQ(machine.record().releases.size(), 1U);
  EXPECT_EQ(machine.record().highest, (trust::ReleaseCounter{1, 7}));
  EXPECT_FALSE(std::filesystem::exists(machine.installation().incoming()));
}

TEST_F(InstallationTest, WhatRunsIsNeverReplacedUnderItsOwnVersion) {
  ASSERT_TRUE(machine.install(one));
  auto other = two;
  other.entry.version = "1.0.0";
  const auto outcome = machine.install(other);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("another content"), std::string::npos) << outcome->reason;
  machine.expect_runs(one);
  EXPECT_EQ(machine.record().find("1.0.0")->entry.content, one.entry.content);
  EXPECT_TRUE(machine.record().bad.empty()) << "the content may come under another version";
}

TEST_F(InstallationTest, AKeptReleaseOfTheSameVersionIsForgottenBeforeItsFolderGoes) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  auto other = two;
  other.entry.version = "1.0.0";
  other.entry.content = two.entry.content;
  machine.runner.failures["health 1.0.0"] = Error{ErrorKind::invalid, "health check", "exit code 1"};
  const auto outcome = machine.install(other);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "rolled_back");
  machine.expect_runs(two);
  EXPECT_EQ(machine.record().find("1.0.0"), nullptr) << "its tree is gone";
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/1.0.0"));
}

TEST_F(InstallationTest, RollingBackBelowTheFloorIsRefused) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  auto record = machine.record();
  record.floor = {1, 2};
  ASSERT_TRUE(machine.records.save(record));
  const auto outcome = machine.installation().roll_back("1.0.0", {}, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, "below_floor");
  machine.expect_runs(two);
}

TEST_F(InstallationTest, RollingBackToADamagedReleaseIsRefused) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  folder.write("root/versions/1.0.0/share/text", "damaged");
  const auto outcome = machine.installation().roll_back("1.0.0", {}, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("share/text"), std::string::npos) << outcome->reason;
  machine.expect_runs(two);
}

TEST_F(InstallationTest, RollingBackToNothingIsRefused) {
  ASSERT_TRUE(machine.install(one));
  EXPECT_EQ(machine.installation().roll_back("", {}, {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(machine.installation().roll_back("9.9.9", {}, {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(machine.installation().roll_back("1.0.0", {}, {}).error().kind, ErrorKind::invalid);
}

TEST_F(InstallationTest, OldReleasesGoByCountAndAge) {
  const auto three = tests::make_release(folder, "3.0.0", 3, tests::first_tree());
  const auto four = tests::make_release(folder, "4.0.0", 4, tests::second_tree());
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  ASSERT_TRUE(machine.install(three));
  EXPECT_TRUE(std::filesystem::exists(machine.product.root / "versions/1.0.0")) << "younger than keep_for";
  machine.clock.time += std::chrono::hours(25);
  ASSERT_TRUE(machine.install(four));
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/1.0.0"));
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/2.0.0"));
  EXPECT_TRUE(std::filesystem::exists(machine.product.root / "versions/3.0.0")) << "keep_releases";
  EXPECT_EQ(machine.record().find("1.0.0"), nullptr);
}

TEST_F(InstallationTest, AnUnfinishedJournalStopsNewWork) {
  ASSERT_TRUE(machine.install(one));
  auto record = machine.record();
  record.journal =
      Journal{.kind = "full", .to = two.entry, .from = "1.0.0", .reason = {}, .started = machine.clock.now()};
  ASSERT_TRUE(machine.records.save(record));
  EXPECT_EQ(machine.install(two).error().kind, ErrorKind::busy);
}

TEST_F(InstallationTest, ARestartDuringProbationChecksAgainAndCommits) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::cancelled, "health check", "stopped"};
  EXPECT_FALSE(machine.install(two));
  machine.runner.failures.clear();
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ((*outcome)->result, "completed");
  machine.expect_runs(two);
}

TEST_F(InstallationTest, OutcomesAreNumberedInOrder) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  const auto record = machine.record();
  ASSERT_EQ(record.outcomes.size(), 2U);
  EXPECT_EQ(record.outcomes[0].number, 1);
  EXPECT_EQ(record.outcomes[1].number, 2);
}

}  // namespace
}  // namespace upswarm::installer
