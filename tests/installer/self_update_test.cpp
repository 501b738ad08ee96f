// An installer that replaces itself: the service manager, the launcher and both releases play together on one disk.
#include "installer/self_update.hpp"

#include <array>

#include "installer/launch.hpp"
#include "installer/versioned_layout.hpp"
#include "tests/installer/installation_fixture.hpp"
#include "tests/support/disk_model.hpp"

namespace upswarm::installer {
namespace {

using Unsynced = tests::DiskModel::Unsynced;

class SelfUpdateTest : public testing::Test {
 protected:
  static inline const Path kFolder = "/machine";
  static inline const Path kTrialFile = kFolder / "state" / kTrial;

  void SetUp() override {
    TestMachine machine(kFolder, before);
    ASSERT_TRUE(machine.install(one));
    ASSERT_TRUE(before.sync_as_one(kFolder)) << "that was long ago";
  }

  static Installation installation(TestMachine& machine, SelfUpdate& self) {
    return {machine.files,   machine.records, machine.runner, machine.clock,
            machine.product, machine.config,  machine.state,  &self};
  }

  /// Release `running` installs `to`.
  static Result<messages::Outcome> install(TestMachine& machine, const tests::MadeRelease& to,
                                           const std::string& running) {
    SelfUpdate self(machine.files, kTrialFile, running);
    auto work = installation(machine, self);
    const auto package = system_files().open(to.full);
    UPSWARM_CHECK(remove_tree(machine.disk, work.incoming()));
    UPSWARM_CHECK(copy_file(machine.disk, **package, work.incoming(), 0600));
    return work.install(to.entry, {{to.entry.full, to.entry.version, to.entry.content}}, {}, {});
  }
  Result<messages::Outcome> install_two(TestMachine& machine, const std::string& running = "1.0.0") {
    return install(machine, two, running);
  }

  /// Starts the installer by the launcher, as a service manager does whenever it ends. The one that stays up; empty:
  /// none does. A release in `broken` ends before it does anything.
  static std::string start(TestMachine& machine, const std::string& broken = "", int most = 12) {
    for (int i = 0; i < most; ++i) {
      const auto launch = prepare_launch(machine.files, machine.product.root, kTrialFile, "upswarm-installer");
      if (!launch) return "";
      const auto version = launch->program.parent_path().parent_path().filename().string();
      EXPECT_TRUE(*exists(machine.disk, launch->program.parent_path().parent_path())) << version << " is to start";
      if (version == broken) continue;
      SelfUpdate self(machine.files, kTrialFile, version);
      auto work = installation(machine, self);
      ignore_failure(work.settle({}), "recovery does it again");
      const auto recovered = work.recover({}, {});
      const auto current = VersionedLayout(machine.disk, machine.product.root).current_version();
      if (recovered && current && *current == version) return version;
    }
    return "";
  }

  void expect_at_rest(TestMachine& machine, const std::string& runs) {
    const auto record = machine.record();
    EXPECT_FALSE(record.journal);
    EXPECT_EQ(record.current, runs);
    const auto trial = read_trial(machine.disk, kTrialFile);
    ASSERT_TRUE(trial);
    EXPECT_FALSE(*trial && (*trial)->trying != runs) << "what runs may be watched, nothing else";
    machine.expect_runs(runs == "1.0.0" ? one : two);
  }

  /// How often the release on trial was started; -1: none is on trial.
  static int starts(TestMachine& machine) {
    const auto trial = read_trial(machine.disk, kTrialFile);
    return trial && *trial ? (*trial)->starts : -1;
  }

  /// As after its update to two, which is committed and watched.
  void commit_two(TestMachine& machine) {
    EXPECT_FALSE(install_two(machine));
    ASSERT_EQ(start(machine), "2.0.0");
    ASSERT_EQ(machine.record().current, "2.0.0");
  }

  tests::DiskModel before;
  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(packages, "2.0.0", 2, tests::second_tree(), &one);
};

TEST_F(SelfUpdateTest, TheNewInstallerCommitsItselfAfterTheOldOneTestedIt) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  const auto left = install_two(machine);
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().kind, ErrorKind::cancelled) << "the old one must end now";
  EXPECT_EQ(machine.runner.calls, std::vector<std::string>{"hook self-test"});
  EXPECT_EQ(machine.current(), "2.0.0");
  EXPECT_EQ(machine.record().current, "1.0.0") << "not before the new one was seen to run";
  EXPECT_EQ(start(machine), "2.0.0");
  EXPECT_EQ(machine.runner.calls.back(), "hook probe");
  EXPECT_EQ(machine.record().outcomes.back().result, "completed");
  expect_at_rest(machine, "2.0.0");
  EXPECT_EQ(starts(machine), 0) << "its starts after the commit count anew";
}

TEST_F(SelfUpdateTest, OneThatDoesNotComeUpIsGivenUpAfterThreeStarts) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  EXPECT_FALSE(install_two(machine));
  EXPECT_EQ(start(machine, "2.0.0", kMostStarts), "") << "three starts of it";
  EXPECT_EQ(start(machine, "2.0.0", 1), "1.0.0");
  expect_at_rest(machine, "1.0.0");
  const auto record = machine.record();
  EXPECT_EQ(record.outcomes.back().result, "rolled_back");
  EXPECT_NE(record.outcomes.back().reason.find("did not stay up in 3 starts; 1.0.0 runs again"), std::string::npos);
  ASSERT_EQ(record.bad.size(), 1U);
  EXPECT_EQ(record.bad[0].content, two.entry.content);
  EXPECT_EQ(record.highest, one.entry.counter);
}

TEST_F(SelfUpdateTest, OneThatEndsAgainAndAgainAfterItsCommitIsGivenUp) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  EXPECT_EQ(start(machine, "2.0.0", kMostStarts), "") << "three starts of it";
  EXPECT_EQ(start(machine, "2.0.0", 1), "1.0.0");
  expect_at_rest(machine, "1.0.0");
  const auto record = machine.record();
  EXPECT_EQ(record.outcomes.back().result, "rolled_back");
  EXPECT_EQ(record.outcomes.back().to, "2.0.0");
  EXPECT_NE(record.outcomes.back().reason.find("did not stay up in 3 starts; 1.0.0 runs again"), std::string::npos);
  ASSERT_EQ(record.bad.size(), 1U);
  EXPECT_EQ(record.bad[0].content, two.entry.content);
  EXPECT_EQ(record.highest, two.entry.counter) << "that is never lowered";
  EXPECT_EQ(starts(machine), -1);
}

TEST_F(SelfUpdateTest, OneThatRecoversAndEndsAfterItsCommitIsGivenUp) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  for (int count = 1; count <= kMostStarts; ++count) {
    EXPECT_EQ(start(machine), "2.0.0");
    EXPECT_EQ(starts(machine), count);
  }
  EXPECT_EQ(start(machine), "1.0.0");
  expect_at_rest(machine, "1.0.0");
}

TEST_F(SelfUpdateTest, OneThatRunsForLongEnoughIsWatchedNoLonger) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  using std::chrono::seconds;
  const SelfUpdate::SteadyTime started{seconds(100)};
  const auto kept = started + seconds(600);
  SelfUpdate self(machine.files, kTrialFile, "2.0.0", kept);
  EXPECT_EQ(self.watch(false, started), kept);
  EXPECT_EQ(self.watch(false, kept - seconds(1)), kept);
  EXPECT_EQ(starts(machine), 0);
  EXPECT_EQ(self.watch(true, kept), kept + seconds(30)) << "what is under way may be its own commit";
  EXPECT_EQ(starts(machine), 0);
  machine.files.stop_at(1);
  EXPECT_EQ(self.watch(false, kept), kept + seconds(30)) << "the disk fails";
  EXPECT_EQ(starts(machine), 0);
  machine.files.stop_at({});
  EXPECT_EQ(self.watch(false, kept), SelfUpdate::SteadyTime::max());
  EXPECT_EQ(starts(machine), -1);
  for (int i = 0; i < 2 * kMostStarts; ++i) EXPECT_EQ(start(machine), "2.0.0");
}

TEST_F(SelfUpdateTest, StopsAfterItsCommitDoNotCount) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  for (int i = 0; i < 2 * kMostStarts; ++i) {
    EXPECT_EQ(start(machine), "2.0.0");
    SelfUpdate(machine.files, kTrialFile, "2.0.0").forgive();
    EXPECT_EQ(starts(machine), 0);
  }
  EXPECT_EQ(start(machine, "2.0.0", kMostStarts), "");
  SelfUpdate(machine.files, kTrialFile, "1.0.0").forgive();
  EXPECT_EQ(starts(machine), kMostStarts) << "a stop of the one before forgives nothing";
}

TEST_F(SelfUpdateTest, WhatTheOneGivenUpHadBegunIsForgotten) {
  for (const auto phase : {Phase::staging, Phase::preparing, Phase::switching, Phase::repairing}) {
    SCOPED_TRACE(to_string(phase));
    tests::DiskModel disk(before);
    TestMachine machine(kFolder, disk);
    commit_two(machine);
    auto record = machine.record();
    record.journal =
        Journal{.phase = phase, .kind = "full", .to = two.entry, .from = "2.0.0", .reason = {}, .started = {}};
    record.journal->to.version = phase == Phase::repairing ? "2.0.0" : "3.0.0";
    ASSERT_TRUE(machine.records.save(record));
    EXPECT_EQ(start(machine, "2.0.0", kMostStarts), "");
    EXPECT_EQ(start(machine, "2.0.0"), "1.0.0");
    expect_at_rest(machine, "1.0.0");
    const auto after = machine.record();
    ASSERT_EQ(after.bad.size(), 1U);
    EXPECT_EQ(after.bad[0].version, "2.0.0");
    ASSERT_GE(after.outcomes.size(), 2U);
    EXPECT_EQ(after.outcomes.back().result, "rolled_back");
    EXPECT_EQ(after.outcomes[after.outcomes.size() - 2].result, "failed") << "what was begun has an end, too";
  }
}

TEST_F(SelfUpdateTest, TheNextUpdateTakesThePlaceOfTheWatch) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  EXPECT_EQ(start(machine, "2.0.0", kMostStarts - 1), "");
  ASSERT_EQ(start(machine), "2.0.0");
  const auto three = tests::make_release(packages, "3.0.0", 3, tests::third_tree());
  EXPECT_FALSE(install(machine, three, "2.0.0"));
  EXPECT_EQ(start(machine, "3.0.0", kMostStarts), "") << "it has all its starts";
  EXPECT_EQ(start(machine, "3.0.0"), "2.0.0") << "and not the one that was before at first";
  expect_at_rest(machine, "2.0.0");
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.record().bad[0].version, "3.0.0");
  EXPECT_EQ(starts(machine), -1) << "the one that installed it has shown that it works";
}

TEST_F(SelfUpdateTest, ANextUpdateThatFailsBeforeItsSwitchLeavesTheWatch) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  const auto three = tests::make_release(packages, "3.0.0", 3, tests::third_tree());
  machine.runner.failures["hook self-test"] = Error{ErrorKind::invalid, "hook self-test", "exit code 1"};
  EXPECT_TRUE(install(machine, three, "2.0.0"));
  EXPECT_EQ(start(machine, "2.0.0"), "1.0.0");
  expect_at_rest(machine, "1.0.0");
}

TEST_F(SelfUpdateTest, ARollbackWhileItIsWatchedIsNotTakenBack) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  SelfUpdate self(machine.files, kTrialFile, "2.0.0");
  EXPECT_FALSE(installation(machine, self).roll_back("", {}, {})) << "the older one goes on with it";
  EXPECT_EQ(start(machine), "1.0.0");
  expect_at_rest(machine, "1.0.0");
  EXPECT_EQ(starts(machine), -1);
  for (int i = 0; i < 2 * kMostStarts; ++i) EXPECT_EQ(start(machine), "1.0.0");
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.record().bad[0].version, "2.0.0");
}

TEST_F(SelfUpdateTest, ThePowerGoesWhileACommittedOneIsTakenBack) {
  tests::DiskModel committed(before);
  {
    TestMachine machine(kFolder, committed);
    commit_two(machine);
    EXPECT_EQ(start(machine, "2.0.0", kMostStarts), "");
    ASSERT_TRUE(committed.sync_as_one(kFolder));
  }
  std::size_t cuts = 0;
  for (std::size_t n = 1;; n += tests::kStride) {
    tests::DiskModel running(committed);
    TestMachine machine(kFolder, running);
    machine.files.stop_at(n);
    ignore_failure(Result<std::string>(start(machine, "2.0.0")), "it is stopped");
    for (const auto left : {Unsynced::nothing, Unsynced::everything, Unsynced::names, Unsynced::some}) {
      ++cuts;
      SCOPED_TRACE("operation " + std::to_string(n) + ", left " + std::to_string(static_cast<int>(left)));
      tests::DiskModel disk(running);
      disk.cut_power(left, static_cast<std::uint32_t>(n));
      TestMachine again(kFolder, disk);
      ASSERT_EQ(start(again, "2.0.0"), "1.0.0");
      expect_at_rest(again, "1.0.0");
      EXPECT_EQ(again.record().bad.size(), 1U);
      if (HasFailure()) return;
    }
    if (!machine.files.was_reached()) break;
  }
  EXPECT_GT(cuts * tests::kStride, 20U);
}

TEST_F(SelfUpdateTest, ACommittedOneThatThereIsNothingBeforeGoesOn) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  commit_two(machine);
  ASSERT_TRUE(remove_tree(disk, machine.product.root / "versions/1.0.0"));
  EXPECT_EQ(start(machine, "2.0.0"), "");
  EXPECT_EQ(start(machine), "2.0.0");
}

TEST_F(SelfUpdateTest, OneThatFailsItsSelfTestIsNeverStarted) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  machine.runner.failures["hook self-test"] = Error{ErrorKind::invalid, "hook self-test", "exit code 1"};
  const auto outcome = install_two(machine);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_EQ(machine.record().bad.size(), 1U);
  expect_at_rest(machine, "1.0.0");
}

TEST_F(SelfUpdateTest, OneThatCannotBeTalkedToGoesBackByItself) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  EXPECT_FALSE(install_two(machine));
  machine.runner.failures["hook probe"] = Error{ErrorKind::invalid, "hook probe", "no answer"};
  EXPECT_EQ(start(machine), "1.0.0");
  EXPECT_EQ(machine.record().outcomes.back().result, "rolled_back");
  EXPECT_EQ(machine.record().bad.size(), 1U);
  expect_at_rest(machine, "1.0.0");
}

TEST_F(SelfUpdateTest, StopsInItsProbationDoNotCount) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  EXPECT_FALSE(install_two(machine));
  machine.runner.failures["hook probe"] = Error{ErrorKind::cancelled, "hook probe", "stopped"};
  EXPECT_EQ(start(machine), "") << "stopped twelve times";
  machine.runner.failures.clear();
  EXPECT_EQ(start(machine), "2.0.0");
  expect_at_rest(machine, "2.0.0");
}

TEST_F(SelfUpdateTest, WhatWasPlacedByHandRunsAgain) {
  for (const char* const broken : {"", "2.0.0"}) {
    tests::DiskModel disk;
    TestMachine machine(kFolder, disk);
    VersionedLayout layout(disk, machine.product.root);
    ASSERT_TRUE(layout.prepare());
    ASSERT_TRUE(make_folders(disk, layout.folder_of("placed-1") / "bin"));
    ASSERT_TRUE(layout.switch_to("placed-1", {}));
    EXPECT_FALSE(install_two(machine, "placed-1"));
    EXPECT_EQ(start(machine, broken), *broken == '\0' ? "2.0.0" : "placed-1");
    EXPECT_FALSE(machine.record().journal);
    EXPECT_EQ(machine.record().bad.size(), *broken == '\0' ? 0U : 1U);
  }
}

TEST_F(SelfUpdateTest, WhatWasPlacedByHandStaysWhileTheNextIsWatched) {
  tests::DiskModel disk;
  TestMachine machine(kFolder, disk);
  VersionedLayout layout(disk, machine.product.root);
  ASSERT_TRUE(layout.prepare());
  ASSERT_TRUE(make_folders(disk, layout.folder_of("placed-1") / "bin"));
  ASSERT_TRUE(layout.switch_to("placed-1", {}));
  EXPECT_FALSE(install_two(machine, "placed-1"));
  for (int i = 0; i <= kMostStarts; ++i) ASSERT_EQ(start(machine), "2.0.0");
  EXPECT_EQ(start(machine), "placed-1");
  EXPECT_EQ(machine.record().current, "");
  EXPECT_EQ(machine.record().bad.size(), 1U);
  EXPECT_FALSE(machine.record().journal);
  EXPECT_EQ(start(machine), "placed-1");
}

TEST_F(SelfUpdateTest, AReleaseThatAnAdministratorPointedAtStays) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  EXPECT_FALSE(install_two(machine));
  ASSERT_EQ(start(machine), "2.0.0");
  ASSERT_TRUE(VersionedLayout(disk, machine.product.root).switch_to("1.0.0", {}));
  EXPECT_EQ(start(machine), "1.0.0");
  EXPECT_FALSE(machine.record().damage) << "nothing is to be repaired";
  SelfUpdate self(machine.files, kTrialFile, "1.0.0");
  auto work = installation(machine, self);
  const auto found = work.survey({}, {});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->link, "");
  ASSERT_TRUE(work.note_survey(*found, true));
  ASSERT_TRUE(work.repair(nullptr, {}, {}));
  EXPECT_EQ(machine.current(), "1.0.0");
  // What else is damaged is mended, and the link still stays.
  ASSERT_TRUE(disk.remove_file(machine.product.root / "versions/2.0.0/bin/app"));
  const auto lacks = work.damaged(std::move(*system_files().open(machine.parts_of(two, {}))), true, {}, {});
  ASSERT_TRUE(lacks) << lacks.error().message();
  const auto repaired = work.repair(std::move(*system_files().open(machine.parts_of(two, lacks->parts))), {}, {});
  ASSERT_TRUE(repaired && *repaired);
  EXPECT_EQ((*repaired)->result, "completed") << (*repaired)->reason;
  EXPECT_EQ(machine.current(), "1.0.0");
  EXPECT_EQ(start(machine), "1.0.0");
}

TEST_F(SelfUpdateTest, RollingBackToWhatRunsByHandMarksWhatWasLeft) {
  tests::DiskModel disk(before);
  TestMachine machine(kFolder, disk);
  EXPECT_FALSE(install_two(machine));
  ASSERT_EQ(start(machine), "2.0.0");
  ASSERT_TRUE(VersionedLayout(disk, machine.product.root).switch_to("1.0.0", {}));
  ASSERT_EQ(start(machine), "1.0.0");
  SelfUpdate self(machine.files, kTrialFile, "1.0.0");
  EXPECT_FALSE(installation(machine, self).roll_back("1.0.0", {}, {})) << "the installer that comes next commits it";
  EXPECT_EQ(start(machine), "1.0.0");
  expect_at_rest(machine, "1.0.0");
  ASSERT_EQ(machine.record().bad.size(), 1U);
  EXPECT_EQ(machine.record().bad[0].version, "2.0.0");
}

TEST_F(SelfUpdateTest, ThePowerGoesAtEveryOperation) {
  std::size_t cuts = 0;
  for (const char* const broken : {"", "2.0.0"}) {
    for (std::size_t n = 1;; n += tests::kStride) {
      tests::DiskModel running(before);
      TestMachine machine(kFolder, running);
      machine.files.stop_at(n);
      ignore_failure(install_two(machine), "it is stopped, or leaves");
      // What did not stop here stops while the launcher starts the new one, or while that one commits or is given up.
      if (!machine.files.was_reached()) ignore_failure(Result<std::string>(start(machine, broken)), "it is stopped");
      for (const auto left :
           {Unsynced::nothing, Unsynced::everything, Unsynced::names, Unsynced::content, Unsynced::some}) {
        ++cuts;
        SCOPED_TRACE("operation " + std::to_string(n) + ", left " + std::to_string(static_cast<int>(left)));
        tests::DiskModel disk(running);
        disk.cut_power(left, static_cast<std::uint32_t>(n));
        TestMachine again(kFolder, disk);
        const auto runs = start(again, broken);
        ASSERT_NE(runs, "") << "no installer can be started any more";
        ASSERT_NE(runs, broken);
        expect_at_rest(again, runs);
        if (HasFailure()) return;
      }
      if (!machine.files.was_reached()) break;
    }
  }
  RecordProperty("cuts", static_cast<int>(cuts));
  EXPECT_GT(cuts * tests::kStride, 400U);
}

}  // namespace
}  // namespace upswarm::installer
