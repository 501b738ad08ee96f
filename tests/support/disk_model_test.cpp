#include "tests/support/disk_model.hpp"

#include <gtest/gtest.h>

namespace upswarm::tests {
namespace {

using Unsynced = DiskModel::Unsynced;

class DiskModelTest : public testing::Test {
 protected:
  DiskModelTest() {
    EXPECT_TRUE(disk.make_folder("/d", 0755));
    EXPECT_TRUE(disk.sync_folder("/"));
  }

  /// Makes the file; `synced`: its content and its name last.
  void write(const Path& path, std::string_view content, bool synced) {
    auto file = disk.create(path, 0644);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write(as_bytes(content)));
    if (!synced) return;
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(disk.sync_folder(path.parent_path()));
  }

  /// "-": it is not there.
  std::string read(const Path& path) {
    const auto content = read_file(disk, path, 1_MiB);
    return content ? *content : "-";
  }

  DiskModel disk;
};

TEST_F(DiskModelTest, WhatIsSyncedLastsWhateverElseIsLost) {
  write("/d/a", "synced", true);
  for (const auto what :
       {Unsynced::nothing, Unsynced::everything, Unsynced::names, Unsynced::content, Unsynced::some}) {
    DiskModel copy(disk);
    copy.cut_power(what);
    EXPECT_EQ(*read_file(copy, "/d/a", 1_MiB), "synced");
  }
}

TEST_F(DiskModelTest, NamesAndContentAreLostApart) {
  write("/d/a", "content", false);
  DiskModel names(disk);
  names.cut_power(Unsynced::names);
  EXPECT_EQ(*read_file(names, "/d/a", 1_MiB), "") << "the name came before the content";
  disk.cut_power(Unsynced::content);
  EXPECT_EQ(read("/d/a"), "-");
}

TEST_F(DiskModelTest, ARenameOverAFileThatWasNotSyncedMayLoseBoth) {
  write("/d/a", "old", true);
  write("/d/a.new", "new", false);
  ASSERT_TRUE(disk.rename("/d/a.new", "/d/a"));
  DiskModel before(disk);
  before.cut_power(Unsynced::nothing);
  EXPECT_EQ(*read_file(before, "/d/a", 1_MiB), "old");
  disk.cut_power(Unsynced::names);
  EXPECT_EQ(read("/d/a"), "") << "why write_file_atomically syncs first";
}

TEST_F(DiskModelTest, ARemovedNameComesBack) {
  write("/d/a", "content", true);
  ASSERT_TRUE(disk.remove_file("/d/a"));
  EXPECT_EQ(read("/d/a"), "-");
  disk.cut_power(Unsynced::nothing);
  EXPECT_EQ(read("/d/a"), "content");
}

TEST_F(DiskModelTest, ARenameIsOneChangeAndComesAfterWhatItBuiltUpon) {
  ASSERT_TRUE(disk.make_folder("/d/x", 0755));
  ASSERT_TRUE(disk.rename("/d/x", "/d/y"));
  ASSERT_TRUE(disk.rename("/d/y", "/z"));
  ASSERT_TRUE(disk.sync_folder("/"));
  disk.cut_power(Unsynced::nothing);
  EXPECT_EQ(*disk.list("/d"), std::vector<std::string>());
  EXPECT_EQ(*disk.list("/"), (std::vector<std::string>{"d", "z"}));
}

TEST_F(DiskModelTest, ChanceKeepsAndLosesBoth) {
  std::set<std::string> seen;
  for (std::uint32_t seed = 0; seed < 64; ++seed) {
    DiskModel copy(disk);
    {
      const auto file = copy.create("/d/a", 0644);
      ASSERT_TRUE(file);
      ASSERT_TRUE((*file)->write(as_bytes("abcd")));
    }
    copy.cut_power(Unsynced::some, seed);
    const auto content = read_file(copy, "/d/a", 1_MiB);
    seen.insert(content ? *content : "-");
  }
  EXPECT_EQ(seen, (std::set<std::string>{"-", "", "ab", "abcd", std::string(4, '\0')}));
}

TEST_F(DiskModelTest, PathsLeadThroughLinks) {
  ASSERT_TRUE(disk.make_folder("/d/versions", 0755));
  ASSERT_TRUE(disk.make_folder("/d/versions/1", 0755));
  write("/d/versions/1/a", "one", false);
  ASSERT_TRUE(disk.make_symlink("versions/1", "/d/current"));
  EXPECT_EQ(read("/d/current/a"), "one");
  EXPECT_EQ(disk.info("/d/current")->type, FileType::symlink);
  EXPECT_EQ(disk.info("/d/current/")->type, FileType::folder);
  EXPECT_EQ(disk.info("/d/a/b").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace upswarm::tests
