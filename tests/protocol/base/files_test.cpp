#include "protocol/base/files.hpp"

#include <gtest/gtest.h>

#include "tests/support/stopping_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

class FilesTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  Files& files = system_files();

  std::string read(const std::string& name) { return folder.read(name); }
  static ErrorKind kind_of(const auto& result) { return result ? ErrorKind::internal : result.error().kind; }
};

TEST_F(FilesTest, WritesInPartsAndReadsAnywhere) {
  auto out = files.create(folder / "a", 0644);
  ASSERT_TRUE(out);
  ASSERT_TRUE((*out)->write(as_bytes("0123")));
  ASSERT_TRUE((*out)->write({}));
  ASSERT_TRUE((*out)->write(as_bytes("456789")));
  ASSERT_TRUE((*out)->sync());
  out->reset();

  const auto in = files.open(folder / "a");
  ASSERT_TRUE(in);
  ByteBuffer buffer(4);
  EXPECT_EQ(*(*in)->read_at(3_B, buffer), 4U);
  EXPECT_EQ(as_text(buffer), "3456");
  EXPECT_EQ(*(*in)->read_at(8_B, buffer), 2U) << "fewer only at the end";
  EXPECT_EQ(*(*in)->read_at(10_B, buffer), 0U);
  EXPECT_EQ(*(*in)->read_at(1_GiB, buffer), 0U);
  EXPECT_EQ((*in)->info()->size, 10_B);
}

TEST_F(FilesTest, DoesNotReplaceAFileByANewOne) {
  folder.write("a", "old");
  EXPECT_EQ(kind_of(files.create(folder / "a", 0644)), ErrorKind::denied);
  EXPECT_EQ(read("a"), "old");
}

TEST_F(FilesTest, OpensRegularFilesOnly) {
  EXPECT_EQ(kind_of(files.open(folder / "none")), ErrorKind::not_found);
  EXPECT_EQ(kind_of(files.open(folder.path())), ErrorKind::denied);
}

TEST_F(FilesTest, SaysWhatIsThere) {
  folder.write("a", "12345");
  const auto file = files.info(folder / "a");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->type, FileType::regular);
  EXPECT_EQ(file->size, 5_B);
  EXPECT_EQ(file->link_count, 1U);
  EXPECT_EQ(files.info(folder.path())->type, FileType::folder);
  EXPECT_EQ(kind_of(files.info(folder / "none")), ErrorKind::not_found);
  EXPECT_EQ(kind_of(files.info(folder / "none/below")), ErrorKind::not_found);
}

TEST_F(FilesTest, ListsNamesSorted) {
  for (const char* name : {"c", "a", "b/inside", ".hidden"}) folder.write(name, "");
  EXPECT_EQ(*files.list(folder.path()), (std::vector<std::string>{".hidden", "a", "b", "c"}));
  EXPECT_EQ(kind_of(files.list(folder / "none")), ErrorKind::not_found);
  EXPECT_FALSE(files.list(folder / "a"));
}

TEST_F(FilesTest, MakesAndRemovesFolders) {
  ASSERT_TRUE(files.make_folder(folder / "a", 0755));
  EXPECT_EQ(kind_of(files.make_folder(folder / "a", 0755)), ErrorKind::denied);
  EXPECT_EQ(kind_of(files.make_folder(folder / "x/y", 0755)), ErrorKind::not_found);
  folder.write("a/file", "");
  EXPECT_FALSE(files.remove_folder(folder / "a")) << "it is not empty";
  ASSERT_TRUE(files.remove_file(folder / "a/file"));
  ASSERT_TRUE(files.remove_folder(folder / "a"));
  EXPECT_EQ(kind_of(files.remove_folder(folder / "a")), ErrorKind::not_found);
  EXPECT_EQ(kind_of(files.remove_file(folder / "a")), ErrorKind::not_found);
}

TEST_F(FilesTest, RenameReplacesAFile) {
  folder.write("new", "new");
  folder.write("there", "old");
  ASSERT_TRUE(files.rename(folder / "new", folder / "there"));
  EXPECT_EQ(read("there"), "new");
  EXPECT_EQ(kind_of(files.rename(folder / "new", folder / "there")), ErrorKind::not_found);
}

TEST_F(FilesTest, HardLinksShareTheirContent) {
  folder.write("a", "content");
  ASSERT_TRUE(files.hard_link(folder / "a", folder / "b"));
  EXPECT_EQ(files.info(folder / "b")->link_count, 2U);
  EXPECT_EQ(read("b"), "content");
  EXPECT_EQ(kind_of(files.hard_link(folder / "a", folder / "b")), ErrorKind::denied);
}

TEST_F(FilesTest, AsksForSpaceAndSyncsNames) {
  EXPECT_GT(*files.free_space(folder.path()), 0_B);
  EXPECT_FALSE(files.free_space(folder / "none"));
  EXPECT_TRUE(files.sync_folder(folder.path()));
}

TEST_F(FilesTest, SyncsAFileThatIsClosed) {
  auto out = files.create(folder / "a", 0644);
  ASSERT_TRUE(out);
  ASSERT_TRUE((*out)->write(as_bytes("content")));
  (*out)->start_sync();
  out->reset();
  EXPECT_TRUE(files.sync_file(folder / "a"));
  EXPECT_EQ(folder.read("a"), "content");
  EXPECT_EQ(kind_of(files.sync_file(folder / "none")), ErrorKind::not_found);
}

TEST_F(FilesTest, SyncsAsOneWhereItSaysSo) {
  folder.write("a", "content");
  const auto can = files.can_sync_as_one(folder.path());
  ASSERT_TRUE(can);
  EXPECT_TRUE(!*can || files.sync_as_one(folder.path()));
  EXPECT_FALSE(files.sync_as_one(folder / "none"));
}

TEST_F(FilesTest, ReadFileHasALongest) {
  folder.write("a", "12345");
  EXPECT_EQ(*read_file(files, folder / "a", 5_B), "12345");
  const auto longer = read_file(files, folder / "a", 4_B);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(longer.error().reason, "too_long");
}

TEST_F(FilesTest, MakeFoldersMakesWhatIsMissing) {
  ASSERT_TRUE(make_folders(files, folder / "a/b/c"));
  ASSERT_TRUE(make_folders(files, folder / "a/b/c"));
  EXPECT_EQ(files.info(folder / "a/b/c")->type, FileType::folder);
}

TEST_F(FilesTest, RemoveTreeRemovesAllAndNothingIsFine) {
  for (const char* name : {"tree/a", "tree/b/c", "tree/b/d/e", "beside"}) folder.write(name, "x");
  ASSERT_TRUE(remove_tree(files, folder / "tree"));
  EXPECT_EQ(*files.list(folder.path()), std::vector<std::string>{"beside"});
  EXPECT_TRUE(remove_tree(files, folder / "tree"));
  ASSERT_TRUE(remove_tree(files, folder / "beside"));
  EXPECT_FALSE(*exists(files, folder / "beside"));
}

TEST_F(FilesTest, CopiesFilesLargerThanItsBuffer) {
  std::string content;
  for (int i = 0; content.size() < 600'000; ++i) content += std::to_string(i);
  folder.write("a", content);
  const auto in = files.open(folder / "a");
  ASSERT_TRUE(in);
  ASSERT_TRUE(copy_file(files, **in, folder / "b", 0644));
  EXPECT_EQ(read("b"), content);
  EXPECT_FALSE(copy_file(files, **in, folder / "b", 0644)) << "it is there already";
}

TEST_F(FilesTest, AtomicWriteMakesAndReplaces) {
  ASSERT_TRUE(write_file_atomically(files, folder / "a", "first"));
  ASSERT_TRUE(write_file_atomically(files, folder / "a", "second"));
  EXPECT_EQ(read("a"), "second");
  EXPECT_EQ(files.list(folder.path())->size(), 1U);
}

TEST_F(FilesTest, AtomicWriteTakesAwayWhatAnEarlierOneLeft) {
  folder.write("a.new", "half of so");
  ASSERT_TRUE(write_file_atomically(files, folder / "a", "whole"));
  EXPECT_EQ(read("a"), "whole");
}

TEST_F(FilesTest, AtomicWriteTakesANameWithoutAFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto written = write_file_atomically(files, "here", "content");
  std::filesystem::current_path(before);
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_EQ(read("here"), "content");
}

TEST_F(FilesTest, AtomicWriteStoppedAnywhereLeavesTheOldOrTheNew) {
  for (const auto mode : {tests::StoppingFiles::Mode::stop, tests::StoppingFiles::Mode::fail}) {
    for (std::size_t n = 1;; ++n) {
      folder.write("a", "old");
      tests::StoppingFiles stopping(files);
      stopping.stop_at(n, mode, ErrorKind::no_space);
      const auto written = write_file_atomically(stopping, folder / "a", "new");
      if (!stopping.was_reached()) {
        EXPECT_TRUE(written);
        EXPECT_EQ(read("a"), "new");
        EXPECT_GE(n, 5U) << "create, write, sync, rename, sync_folder";
        break;
      }
      ASSERT_FALSE(written) << "an error is never swallowed: operation " << n;
      EXPECT_EQ(written.error().kind, ErrorKind::no_space);
      const auto content = read("a");
      EXPECT_TRUE(content == "old" || content == "new") << "operation " << n << ": " << content;
      ASSERT_TRUE(write_file_atomically(files, folder / "a", "next")) << "it works again afterwards";
    }
  }
}

}  // namespace
}  // namespace upswarm
