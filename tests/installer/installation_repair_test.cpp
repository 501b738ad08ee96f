// What runs is verified against what was signed, and made whole again.
#include "tests/installer/damaged_tree.hpp"

namespace upswarm::installer {
namespace {

using Calls = std::vector<std::string>;

class InstallationRepairTest : public testing::Test {
 protected:
  InstallationRepairTest() {
    one.entry.services = {"db", "web"};
    EXPECT_TRUE(machine.install(one));
    calls().clear();
  }
  Path tree() const { return machine.product.root / "versions/1.0.0"; }
  Calls& calls() { return machine.runner.calls; }
  void damage() { damage_tree(system_files(), tree()); }
  Survey survey() {
    auto found = machine.installation().survey({}, {});
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : Survey{};
  }
  messages::Outcome repair() { return outcome_of(machine.repair(one)); }
  messages::Outcome repair_alone() { return outcome_of(machine.installation().repair(nullptr, {}, {})); }
  static messages::Outcome outcome_of(const Result<std::optional<messages::Outcome>>& repaired) {
    EXPECT_TRUE(repaired) << repaired.error().message();
    EXPECT_TRUE(repaired && *repaired) << "nothing was done";
    return repaired && *repaired ? **repaired : messages::Outcome{};
  }

  void ask() {
    auto record = machine.record();
    record.mark_damaged("asked for", true, true, machine.clock.now());
    ASSERT_TRUE(machine.records.save(record));
  }
  void found_by_itself() { ASSERT_TRUE(machine.installation().note_survey(survey(), false)); }

  std::stop_source stop;
  tests::TemporaryFolder folder;
  TestMachine machine{folder.path()};
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tree_to_damage());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
};

TEST_F(InstallationRepairTest, OnlyWhatIsDamagedIsFetchedAndReplaced) {
  const auto untouched = std::filesystem::last_write_time(tree() / "doc/here");
  damage();
  ask();
  const auto lacks = machine.installation().damaged(*system_files().open(machine.parts_of(one, {})), true, {}, {});
  ASSERT_TRUE(lacks) << lacks.error().message();
  EXPECT_LT(lacks->needed.count, one.entry.full.length.count);
  const auto outcome = repair();
  EXPECT_EQ(outcome.result, "completed") << outcome.reason;
  EXPECT_EQ(outcome.kind, "repair");
  EXPECT_EQ((std::vector{outcome.from, outcome.to, outcome.running}), (std::vector<std::string>(3, "1.0.0")));
  EXPECT_NE(outcome.reason.find("share/large (its content was altered)"), std::string::npos) << outcome.reason;
  machine.expect_runs(one);
  EXPECT_TRUE(survey().is_whole()) << survey().words();
  EXPECT_EQ(calls(), (Calls{"stop db", "stop web", "start db", "start web"}));
  EXPECT_EQ(std::filesystem::last_write_time(tree() / "doc/here"), untouched);
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/.staging"));
  EXPECT_FALSE(machine.record().damage);
  EXPECT_TRUE(machine.record().bad.empty());
}

TEST_F(InstallationRepairTest, LookingChangesNothing) {
  damage();
  const auto before = machine.files.operations();
  EXPECT_EQ(survey().found.size(), kDamages);
  EXPECT_EQ(machine.files.operations(), before);
}

TEST_F(InstallationRepairTest, WhatAnAdministratorStoppedStaysStopped) {
  machine.runner.stopped = {"web"};
  damage();
  EXPECT_EQ(repair().result, "completed");
  EXPECT_EQ(calls(), (Calls{"stop db", "start db"}));
}

TEST_F(InstallationRepairTest, WithoutContentToFetchNoPackageIsNeeded) {
  ASSERT_TRUE(system_files().set_mode(tree() / "bin/app", 0644));
  folder.write("root/versions/1.0.0/extra", "x");
  ask();
  const auto outcome = repair_alone();
  EXPECT_EQ(outcome.result, "completed") << outcome.reason;
  EXPECT_TRUE(survey().is_whole()) << survey().words();
  EXPECT_TRUE(calls().empty()) << "for that no service has to stop";
}

TEST_F(InstallationRepairTest, WhereContentIsMissingTheMarkSaysSo) {
  damage();
  const auto nothing = machine.installation().repair(nullptr, {}, {});
  ASSERT_TRUE(nothing) << nothing.error().message();
  EXPECT_FALSE(*nothing);
  const auto record = machine.record();
  ASSERT_TRUE(record.damage);
  EXPECT_TRUE(record.damage->needs_package);
  EXPECT_NE(record.repair_due(machine.clock.now()), nullptr);
  EXPECT_TRUE(calls().empty());
}

TEST_F(InstallationRepairTest, WhereNothingIsDamagedNothingIsTouched) {
  const auto nothing = machine.installation().repair(nullptr, {}, {});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  EXPECT_EQ(repair().result, "completed") << "somebody else mended it meanwhile";
  EXPECT_TRUE(calls().empty()) << "no service was stopped";
}

TEST_F(InstallationRepairTest, WithoutAllPartsNoServiceIsStoppedAndTheNextTryWaits) {
  damage();
  for (int failures = 1; failures <= 3; ++failures) {
    const auto outcome = outcome_of(machine.repair_by(machine.parts_of(one, {})));
    EXPECT_EQ(outcome.result, "failed");
    EXPECT_NE(outcome.reason.find("cut off"), std::string::npos) << outcome.reason;
    ASSERT_TRUE(machine.record().damage);
    EXPECT_EQ(machine.record().damage->failures, failures);
    EXPECT_EQ(machine.record().repair_due(machine.clock.now()), nullptr);
  }
  EXPECT_EQ(machine.record().repair_due(machine.clock.now() + std::chrono::minutes(44)), nullptr);
  EXPECT_NE(machine.record().repair_due(machine.clock.now() + std::chrono::minutes(45)), nullptr);
  EXPECT_TRUE(calls().empty());
  EXPECT_EQ(survey().found.size(), kDamages);
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/.staging"));
  auto record = machine.record();
  record.mark_damaged("by hand", true, true, machine.clock.now());
  EXPECT_NE(record.repair_due(machine.clock.now()), nullptr) << "an administrator waits for nothing";
}

TEST_F(InstallationRepairTest, WithoutRoomNoServiceIsStopped) {
  damage();
  machine.config.keep_free = Bytes{std::uint64_t{1} << 60U};
  EXPECT_NE(repair().reason.find("reserve"), std::string::npos);
  EXPECT_TRUE(calls().empty());
}

TEST_F(InstallationRepairTest, AListOfFilesThatIsGoneComesBackWithThePackage) {
  ASSERT_TRUE(remove_tree(system_files(), machine.state / "trees"));
  ASSERT_TRUE(make_folders(system_files(), machine.state / "trees"));
  EXPECT_TRUE(survey().is_list_lost);
  damage();
  EXPECT_EQ(repair().result, "completed");
  EXPECT_FALSE(survey().wants_repair(false)) << survey().words();
}

TEST_F(InstallationRepairTest, ADamagedBaseAsksForRepair) {
  alter(system_files(), tree() / "share/same");
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  ASSERT_TRUE(machine.record().damage);
  EXPECT_EQ(machine.record().damage->content, one.entry.content);
  EXPECT_EQ(repair().result, "completed");
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  machine.expect_runs(two);
}

TEST_F(InstallationRepairTest, SoDoesATreeThatIsFoundDamagedForTheAgent) {
  alter(system_files(), tree() / "share/large");
  ASSERT_TRUE(machine.installation().present({one.entry.content}, {}));
  EXPECT_TRUE(machine.record().damage);
}

TEST_F(InstallationRepairTest, ANewReleaseEndsTheMark) {
  alter(system_files(), tree() / "share/large");
  ASSERT_TRUE(machine.installation().present({one.entry.content}, {}));
  ASSERT_TRUE(machine.install(two));
  EXPECT_FALSE(machine.record().damage);
}

TEST_F(InstallationRepairTest, AServiceThatDoesNotStartAgainIsSaidAndOwed) {
  damage();
  machine.runner.failures["start web"] = Error{ErrorKind::invalid, "start web", "words"};
  const auto outcome = repair();
  EXPECT_EQ(outcome.result, "failed");
  EXPECT_NE(outcome.reason.find("start web"), std::string::npos) << outcome.reason;
  EXPECT_FALSE(survey().wants_repair(false));
  EXPECT_EQ(machine.record().owed, (Calls{"db", "web"}));
  EXPECT_TRUE(machine.record().bad.empty());
  ASSERT_TRUE(machine.record().damage);
  EXPECT_FALSE(machine.record().damage->needs_package) << "the agent has nothing to fetch";
  EXPECT_EQ(repair_alone().result, "failed") << "as long as they do not start";
  EXPECT_TRUE(machine.record().damage);
  calls().clear();
  machine.runner.failures.clear();
  EXPECT_EQ(repair_alone().result, "completed");
  EXPECT_EQ(calls(), (Calls{"start db", "start web"}));
  EXPECT_TRUE(machine.record().owed.empty());
  EXPECT_FALSE(machine.record().damage);
}

TEST_F(InstallationRepairTest, TheSameContentSignedAnewLeavesTheMarkAndWhatIsOwed) {
  alter(system_files(), tree() / "share/large");
  ASSERT_TRUE(machine.installation().present({one.entry.content}, {}));
  auto record = machine.record();
  record.owed = {"web"};
  ASSERT_TRUE(machine.records.save(record));
  const auto outcome = machine.install(one);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "completed");
  EXPECT_TRUE(machine.record().damage) << "the tree is the damaged one";
  EXPECT_EQ(machine.record().owed, (Calls{"web"}));
}

TEST_F(InstallationRepairTest, AServiceThatDoesNotStopLeavesAllAsItWas) {
  damage();
  machine.runner.failures["stop web"] = Error{ErrorKind::busy, "stop web", "words"};
  EXPECT_EQ(repair().result, "failed");
  EXPECT_EQ(calls(), (Calls{"stop db", "stop web", "start db", "start web"}));
  EXPECT_EQ(survey().found.size(), kDamages);
}

TEST_F(InstallationRepairTest, WhatTheProductWritesIntoItsFolderIsOnlyTold) {
  folder.write("root/versions/1.0.0/share/app.pid", "17");
  found_by_itself();
  EXPECT_FALSE(machine.record().damage);
  EXPECT_TRUE(machine.record().checked);
  ASSERT_TRUE(machine.installation().present({one.entry.content}, {}));
  EXPECT_FALSE(machine.record().damage);
  damage();
  EXPECT_EQ(repair().result, "completed");
  EXPECT_EQ(folder.read("root/versions/1.0.0/share/app.pid"), "17");
  EXPECT_EQ(folder.read("root/versions/1.0.0/share/extra/file"), "somebody was here");
}

TEST_F(InstallationRepairTest, WhatWasMovedAsideGoesWithTheNextUpdate) {
  folder.write("root/versions/1.0.0/share/app.pid", "17");
  ask();
  EXPECT_EQ(repair_alone().result, "completed");
  ASSERT_TRUE(machine.installation().recover({}, {}));
  EXPECT_EQ(folder.read("root/versions/.aside/1/share/app.pid"), "17") << "also after a restart";
  ASSERT_TRUE(machine.install(two));
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/.aside"));
}

TEST_F(InstallationRepairTest, WhatIsDamagedAThirdTimeWaitsForAnAdministrator) {
  for (int i = 0; i < 2; ++i) {
    alter(system_files(), tree() / "share/text");
    found_by_itself();
    EXPECT_EQ(repair().result, "completed");
  }
  alter(system_files(), tree() / "share/text");
  calls().clear();
  found_by_itself();
  EXPECT_EQ(machine.record().repair_due(machine.clock.now()), nullptr);
  EXPECT_EQ(repair().result, "failed");
  EXPECT_TRUE(calls().empty());
  ask();
  EXPECT_EQ(repair().result, "completed");
}

TEST_F(InstallationRepairTest, AfterAMonthItIsMendedAgain) {
  for (int i = 0; i < 4; ++i) {
    alter(system_files(), tree() / "share/text");
    found_by_itself();
    EXPECT_EQ(repair().result, "completed");
    machine.clock.advance(std::chrono::days(31));
  }
}

TEST_F(InstallationRepairTest, WhereItShallAskDamageWaitsForAnAdministrator) {
  machine.product.repairs_itself = false;
  alter(system_files(), tree() / "share/text");
  found_by_itself();
  ASSERT_TRUE(machine.record().damage);
  EXPECT_EQ(machine.record().repair_due(machine.clock.now()), nullptr);
  ASSERT_TRUE(machine.installation().note_survey(survey(), true));
  EXPECT_NE(machine.record().repair_due(machine.clock.now()), nullptr);
}

TEST_F(InstallationRepairTest, ServicesAreNotStoppedForEverForWhatCannotBeMended) {
  damage();
  found_by_itself();
  machine.runner.failures["stop web"] = Error{ErrorKind::busy, "stop web", "words"};
  for (int i = 0; i < 3; ++i) {
    machine.clock.advance(std::chrono::days(2));
    EXPECT_NE(machine.record().repair_due(machine.clock.now()), nullptr) << i;
    EXPECT_EQ(repair().result, "failed");
  }
  machine.clock.advance(std::chrono::days(2));
  EXPECT_EQ(machine.record().repair_due(machine.clock.now()), nullptr);
  ask();
  EXPECT_NE(machine.record().repair_due(machine.clock.now()), nullptr);
}

TEST_F(InstallationRepairTest, ADeathWhileStagingIsWaitedAfter) {
  damage();
  found_by_itself();
  auto record = machine.record();
  record.journal = Journal{.kind = "repair", .to = one.entry, .from = "1.0.0", .reason = {}, .started = {}};
  ASSERT_TRUE(machine.records.save(record));
  ASSERT_TRUE(machine.installation().recover({}, {}));
  EXPECT_EQ(machine.record().damage->failures, 1);
}

TEST_F(InstallationRepairTest, AStopOfTheInstallerIsNobodysFault) {
  damage();
  const auto lacks = machine.installation().damaged(*system_files().open(machine.parts_of(one, {})), true, {}, {});
  stop.request_stop();
  const auto stopped = machine.repair_by(machine.parts_of(one, lacks->parts), stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(calls().empty());
  ASSERT_TRUE(machine.installation().recover({}, {}));
  EXPECT_EQ(repair().result, "completed");
}

/// Somebody changed `current`.
class ChangedLinkTest : public InstallationRepairTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine.install(two));
    calls().clear();
  }
  void expect_put_right() {
    ASSERT_TRUE(machine.installation().recover({}, {})) << "nothing is blocked by it";
    ASSERT_TRUE(machine.record().damage);
    EXPECT_FALSE(machine.record().damage->needs_package);
    const auto outcome = repair_alone();
    EXPECT_EQ(outcome.result, "completed") << outcome.reason;
    EXPECT_NE(outcome.reason.find("current ("), std::string::npos) << outcome.reason;
    machine.expect_runs(two);
    EXPECT_FALSE(machine.record().damage);
  }
  Path link() const { return machine.product.root / "current"; }
};

TEST_F(ChangedLinkTest, ToAnotherRelease) {
  std::filesystem::remove(link());
  std::filesystem::create_symlink("versions/1.0.0", link());
  EXPECT_EQ(survey().link, "it names 1.0.0 instead of 2.0.0");
  expect_put_right();
}

TEST_F(ChangedLinkTest, ToSomewhereElse) {
  std::filesystem::remove(link());
  std::filesystem::create_symlink("/etc", link());
  expect_put_right();
}

TEST_F(ChangedLinkTest, ThatIsGone) {
  std::filesystem::remove(link());
  expect_put_right();
}

TEST_F(ChangedLinkTest, ThatIsAFolderNow) {
  std::filesystem::remove(link());
  folder.write("root/current/share/mine", "not to be lost");
  expect_put_right();
  EXPECT_EQ(folder.read("root/current.aside/share/mine"), "not to be lost");
  std::filesystem::remove(link());
  folder.write("root/current/share/mine", "nor this");
  expect_put_right();
  EXPECT_EQ(folder.read("root/current.aside/share/mine"), "not to be lost");
  EXPECT_EQ(folder.read("root/current.aside.1/share/mine"), "nor this");
}

TEST_F(ChangedLinkTest, IsNotPutBackToATreeThatIsDamaged) {
  std::filesystem::remove(link());
  std::filesystem::create_symlink("versions/1.0.0", link());
  alter(system_files(), machine.product.root / "versions/2.0.0/share/text");
  ASSERT_TRUE(machine.installation().recover({}, {}));
  const auto nothing = machine.installation().repair(nullptr, {}, {});
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  EXPECT_EQ(machine.current(), "1.0.0");
  EXPECT_TRUE(machine.record().damage->needs_package);
  EXPECT_EQ(outcome_of(machine.repair(two)).result, "completed");
  machine.expect_runs(two);
}

}  // namespace
}  // namespace upswarm::installer
