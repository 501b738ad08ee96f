#include "installer/versioned_layout.hpp"

#include <gtest/gtest.h>

#include "tests/support/stopping_files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

class VersionedLayoutTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(layout.prepare());
    folder.write("root/versions/1.0.0/file", "one");
    folder.write("root/versions/2.0.0/file", "two");
  }

  tests::TemporaryFolder folder;
  tests::StoppingFiles files{tests::unsynced_files()};
  VersionedLayout layout{files, folder / "root"};
};

TEST_F(VersionedLayoutTest, NothingIsCurrentAtFirst) {
  const auto version = layout.current_version();
  ASSERT_TRUE(version);
  EXPECT_FALSE(*version);
}

TEST_F(VersionedLayoutTest, CurrentNamesWhatWasSwitchedTo) {
  ASSERT_TRUE(layout.switch_to("1.0.0", ""));
  EXPECT_EQ(folder.read("root/current/file"), "one");
  ASSERT_TRUE(layout.switch_to("2.0.0", ""));
  EXPECT_EQ(folder.read("root/current/file"), "two");
  EXPECT_EQ(**layout.current_version(), "2.0.0");
}

TEST_F(VersionedLayoutTest, ARollingBackToNothingRemovesCurrent) {
  ASSERT_TRUE(layout.switch_to("1.0.0", ""));
  ASSERT_TRUE(layout.switch_to("", ""));
  EXPECT_FALSE(std::filesystem::exists(folder / "root/current"));
  EXPECT_TRUE(layout.switch_to("", "")) << "nothing to do is success";
}

TEST_F(VersionedLayoutTest, WhatIsNotUnpackedCannotBeSwitchedTo) {
  EXPECT_EQ(layout.switch_to("3.0.0", "").error().kind, ErrorKind::not_found);
}

TEST_F(VersionedLayoutTest, CurrentIsAlwaysOneOfTheTwoAtEveryStop) {
  for (std::size_t n = 1;; ++n) {
    ASSERT_TRUE(layout.switch_to("1.0.0", ""));
    files.stop_at(n);
    ignore_failure(layout.switch_to("2.0.0", ""), "it may be stopped");
    const bool reached = files.was_reached();
    files.stop_at({});
    const auto version = layout.current_version();
    ASSERT_TRUE(version && *version) << n;
    EXPECT_TRUE(**version == "1.0.0" || **version == "2.0.0") << n;
    if (!reached) break;
  }
}

TEST_F(VersionedLayoutTest, AStrangeCurrentIsNotTouched) {
  folder.write("root/current/file", "somebody's own folder");
  EXPECT_EQ(layout.current_version().error().kind, ErrorKind::corrupt);
  std::filesystem::remove_all(folder / "root/current");
  std::filesystem::create_symlink("/etc", folder / "root/current");
  EXPECT_EQ(layout.current_version().error().kind, ErrorKind::corrupt);
  std::filesystem::remove(folder / "root/current");
  std::filesystem::create_symlink("versions/../../x", folder / "root/current");
  EXPECT_EQ(layout.current_version().error().kind, ErrorKind::corrupt);
}

TEST_F(VersionedLayoutTest, CleaningKeepsKnownAndCurrentReleases) {
  ASSERT_TRUE(layout.switch_to("1.0.0", ""));
  folder.write("root/versions/.staging/file", "half");
  folder.write("root/versions/3.0.0/file", "orphan");
  ASSERT_TRUE(layout.clean({"2.0.0"}, true));
  EXPECT_TRUE(std::filesystem::exists(folder / "root/versions/.staging")) << "half made, for the next try";
  ASSERT_TRUE(layout.clean({"2.0.0"}, false));
  EXPECT_TRUE(std::filesystem::exists(folder / "root/versions/1.0.0"));
  EXPECT_TRUE(std::filesystem::exists(folder / "root/versions/2.0.0"));
  EXPECT_FALSE(std::filesystem::exists(folder / "root/versions/3.0.0"));
  EXPECT_FALSE(std::filesystem::exists(folder / "root/versions/.staging"));
}

TEST_F(VersionedLayoutTest, OnlyAStagingFolderOfItsOwnIsGoneOnWith) {
  EXPECT_EQ(*layout.prepare_staging(), 0_B);
  folder.write("root/versions/.staging/deep/file", "half");
  EXPECT_EQ(*layout.prepare_staging(), 4_B);
  std::filesystem::permissions(folder / "root/versions/.staging", std::filesystem::perms(0777));
  EXPECT_EQ(*layout.prepare_staging(), 0_B) << "others may have written there";
  EXPECT_FALSE(std::filesystem::exists(folder / "root/versions/.staging"));
  std::filesystem::create_symlink("1.0.0", folder / "root/versions/.staging");
  EXPECT_EQ(*layout.prepare_staging(), 0_B);
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(folder / "root/versions/.staging")));
  EXPECT_TRUE(std::filesystem::exists(folder / "root/versions/1.0.0"));
}

TEST_F(VersionedLayoutTest, WhatWasAdoptedGoesBackToStaging) {
  folder.write("root/versions/.staging/file", "new three");
  ASSERT_TRUE(layout.return_to_staging("3.0.0")) << "it was not adopted yet";
  ASSERT_TRUE(layout.adopt_staging("3.0.0"));
  ASSERT_TRUE(layout.return_to_staging("3.0.0"));
  EXPECT_EQ(folder.read("root/versions/.staging/file"), "new three");
  EXPECT_FALSE(std::filesystem::exists(folder / "root/versions/3.0.0"));
}

TEST_F(VersionedLayoutTest, AdoptingReplacesADamagedReleaseOfTheSameName) {
  folder.write("root/versions/.staging/file", "new two");
  ASSERT_TRUE(layout.adopt_staging("2.0.0"));
  EXPECT_EQ(folder.read("root/versions/2.0.0/file"), "new two");
}

}  // namespace
}  // namespace upswarm::installer
