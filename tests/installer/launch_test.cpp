#include "installer/launch.hpp"

#include <gtest/gtest.h>

#include "installer/versioned_layout.hpp"
#include "tests/support/disk_model.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::installer {
namespace {

class LaunchTest : public testing::Test {
 protected:
  LaunchTest() {
    EXPECT_TRUE(make_folders(disk, "/state"));
    VersionedLayout layout(disk, root);
    EXPECT_TRUE(layout.prepare());
    for (const char* version : {"1.0.0", "1.1.0"}) EXPECT_TRUE(make_folders(disk, layout.folder_of(version) / "bin"));
    name("1.1.0");
  }
  void name(const std::string& version) { ASSERT_TRUE(VersionedLayout(disk, root).switch_to(version, {})); }
  void put_on_trial() { ASSERT_TRUE(begin_trial(disk, trial, "1.0.0", "1.1.0")); }
  /// The version that starts, with "?" where its start was counted.
  std::string start() {
    const auto launch = prepare_launch(files, root, trial, "upswarm-installer");
    if (!launch) return launch.error().message();
    told = launch->told;
    EXPECT_EQ(launch->program.filename(), "upswarm-installer");
    return launch->program.parent_path().parent_path().filename().string() + (launch->on_trial ? "?" : "");
  }

  tests::DiskModel disk;
  tests::StoppingFiles files{disk};
  Path root = "/opt/upswarm";
  Path trial = "/state/trial";
  std::string told;
};

TEST_F(LaunchTest, WithoutATrialItCountsAndChangesNothing) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(start(), "1.1.0");
  EXPECT_EQ(files.operations(), 0U);
  EXPECT_EQ(told, "");
}

TEST_F(LaunchTest, AfterThreeStartsThePreviousOneStartsAgain) {
  put_on_trial();
  for (int i = 0; i < kMostStarts; ++i) EXPECT_EQ(start(), "1.1.0?");
  EXPECT_EQ(told, "");
  EXPECT_EQ(start(), "1.0.0");
  EXPECT_EQ(told, "1.1.0 did not stay up in 3 starts: 1.0.0 starts again");
  EXPECT_EQ(*VersionedLayout(disk, root).current_version(), "1.0.0");
  EXPECT_EQ(start(), "1.0.0") << "and goes on to";
  EXPECT_EQ((*read_trial(disk, trial))->starts, kMostStarts) << "the installer reads it";
}

TEST_F(LaunchTest, WhereThePreviousOneIsNotThereTheNewOneIsTriedOn) {
  put_on_trial();
  ASSERT_TRUE(remove_tree(disk, root / "versions/1.0.0"));
  for (int i = 0; i < kMostStarts; ++i) EXPECT_EQ(start(), "1.1.0?");
  EXPECT_EQ(start(), "1.1.0") << "and has the time that it needs";
  EXPECT_NE(told.find("/opt/upswarm/versions/1.0.0 is not there"), std::string::npos) << told;
}

TEST_F(LaunchTest, ThePreviousOneIsNotCounted) {
  put_on_trial();
  name("1.0.0");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(start(), "1.0.0");
}

TEST_F(LaunchTest, WhatItCannotReadKeepsNothingFromStarting) {
  ASSERT_TRUE(write_file_atomically(disk, trial, "noise"));
  EXPECT_EQ(start(), "1.1.0");
  EXPECT_NE(told, "");
}

TEST_F(LaunchTest, AFullDiskKeepsNothingFromBeingCounted) {
  put_on_trial();
  disk.set_capacity(disk.used());
  for (int i = 0; i < kMostStarts; ++i) EXPECT_EQ(start(), "1.1.0?");
  EXPECT_EQ(told, "");
  EXPECT_EQ(start(), "1.0.0");
}

TEST_F(LaunchTest, WhatCannotBeCountedKeepsNothingFromStarting) {
  put_on_trial();
  for (const char* count : {".1", ".2", ".3"}) ASSERT_TRUE(disk.remove_file(trial.string() + count));
  disk.set_capacity(disk.used());
  EXPECT_EQ(start(), "1.1.0?") << "of an installer that wrote no counts beforehand";
  EXPECT_NE(told, "") << "the start was not counted, and that is told";
}

TEST_F(LaunchTest, WhereCurrentIsGoneThePreviousOneStarts) {
  put_on_trial();
  ASSERT_TRUE(disk.remove_file(root / "current"));
  EXPECT_EQ(start(), "1.0.0");
  ASSERT_TRUE(end_trial(disk, trial));
  EXPECT_NE(start().find("is not there"), std::string::npos);
}

TEST_F(LaunchTest, ThePowerGoesAtEveryOperation) {
  using Unsynced = tests::DiskModel::Unsynced;
  put_on_trial();
  ASSERT_TRUE(disk.sync_as_one("/"));
  std::size_t cuts = 0;
  for (int counted = 0; counted <= kMostStarts; ++counted) {
    for (std::size_t n = 1;; ++n) {
      bool reached = false;
      for (const auto left :
           {Unsynced::nothing, Unsynced::everything, Unsynced::names, Unsynced::content, Unsynced::some}) {
        tests::DiskModel running(disk);
        tests::StoppingFiles stopping(running);
        stopping.stop_at(n);
        ignore_failure(prepare_launch(stopping, root, trial, "i"), "it is stopped");
        reached = stopping.was_reached();
        running.cut_power(left, static_cast<std::uint32_t>(n));
        ++cuts;
        const auto kept = read_trial(running, trial);
        ASSERT_TRUE(kept && *kept) << "operation " << n;
        EXPECT_GE((*kept)->starts, counted) << "a start that was counted stays counted";
        const auto next = prepare_launch(running, root, trial, "i");
        ASSERT_TRUE(next) << next.error().message();
        EXPECT_TRUE(*exists(running, next->program.parent_path()));
      }
      if (!reached) break;
    }
    start();
    ASSERT_TRUE(disk.sync_as_one("/"));
  }
  RecordProperty("cuts", static_cast<int>(cuts));
  EXPECT_GT(cuts, 50U);
}

}  // namespace
}  // namespace upswarm::installer
