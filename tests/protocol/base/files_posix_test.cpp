// What files_posix.cpp promises beyond other systems: permission bits, and links that are never followed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "protocol/base/file_lock.hpp"
#include "protocol/base/files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

class PosixFilesTest : public testing::Test {
 protected:
  PosixFilesTest() {
    folder.write("target", "content", 0640);
    folder.write("place/inside", "x");
    EXPECT_TRUE(files.make_symlink("target", folder / "link"));
    EXPECT_TRUE(files.make_symlink("place", folder / "place-link"));
  }

  tests::TemporaryFolder folder;
  Files& files = system_files();
};

TEST_F(PosixFilesTest, LongRunsOfZerosTakeNoSpace) {
  const std::string zeros(256 * 1024, '\0');
  std::string content;
  const auto file = *files.create(folder / "sparse", 0644);
  for (int i = 0; i < 40; ++i) {
    const auto part = i == 20 ? "in the midst " + zeros.substr(0, 100) : zeros;
    ASSERT_TRUE(file->write(as_bytes(part)));
    content += part;
  }
  ASSERT_TRUE(file->sync());
  EXPECT_TRUE(folder.read("sparse") == content) << "also at its end";
  struct stat about {};
  ASSERT_EQ(::stat((folder / "sparse").c_str(), &about), 0);
  EXPECT_LT(about.st_blocks * 512, 1024 * 1024) << "of " << content.size();
}

TEST_F(PosixFilesTest, SetsModesWhateverTheUmaskIs) {
  const auto before = ::umask(077);
  ASSERT_TRUE(files.create(folder / "file", 0755));
  ASSERT_TRUE(files.make_folder(folder / "folder", 0711));
  ::umask(before);
  EXPECT_EQ(files.info(folder / "file")->mode, 0755U);
  EXPECT_EQ(files.info(folder / "folder")->mode, 0711U);
  ASSERT_TRUE(files.set_mode(folder / "file", 0600));
  EXPECT_EQ(files.info(folder / "file")->mode, 0600U);
}

TEST_F(PosixFilesTest, SyncsAsOneOnFileSystemsThatAreKnownForIt) {
  EXPECT_TRUE(files.sync_as_one(folder.path())) << "where it does not promise much, too";
  EXPECT_EQ(files.sync_as_one(folder / "none").error().kind, ErrorKind::not_found);
  EXPECT_EQ(files.can_sync_as_one(folder / "none").error().kind, ErrorKind::not_found);
  const auto of_proc = files.can_sync_as_one("/proc");
  ASSERT_TRUE(of_proc);
  EXPECT_FALSE(*of_proc);
}

TEST_F(PosixFilesTest, ALinkIsALink) {
  const auto info = files.info(folder / "link");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->type, FileType::symlink);
  EXPECT_EQ(*files.read_symlink(folder / "link"), "target");
  EXPECT_FALSE(files.read_symlink(folder / "target"));
  EXPECT_EQ(files.make_symlink("else", folder / "link").error().kind, ErrorKind::denied);
}

TEST_F(PosixFilesTest, OpensNothingThroughALink) {
  const auto opened = files.open(folder / "link");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::denied);
}

TEST_F(PosixFilesTest, CreatesNothingThroughALink) {
  ASSERT_TRUE(files.make_symlink("made", folder / "dangling"));
  EXPECT_FALSE(files.create(folder / "dangling", 0644));
  EXPECT_FALSE(*exists(files, folder / "made"));
}

TEST_F(PosixFilesTest, ListsNothingThroughALink) {
  const auto names = files.list(folder / "place-link");
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().kind, ErrorKind::denied);
}

TEST_F(PosixFilesTest, SetsNoModeThroughALink) {
  EXPECT_FALSE(files.set_mode(folder / "link", 0777));
  EXPECT_EQ(files.info(folder / "target")->mode, 0640U);
}

TEST_F(PosixFilesTest, HardLinksTheLinkItself) {
  ASSERT_TRUE(files.hard_link(folder / "link", folder / "second"));
  EXPECT_EQ(files.info(folder / "second")->type, FileType::symlink);
  EXPECT_EQ(files.info(folder / "target")->link_count, 1U);
}

TEST_F(PosixFilesTest, RenameReplacesTheLinkItself) {
  folder.write("new", "new");
  ASSERT_TRUE(files.rename(folder / "new", folder / "link"));
  EXPECT_EQ(files.info(folder / "link")->type, FileType::regular);
  EXPECT_EQ(folder.read("target"), "content");
}

TEST_F(PosixFilesTest, RemoveTreeTakesTheLinkAndLeavesItsTarget) {
  folder.write("tree/file", "x");
  ASSERT_TRUE(files.make_symlink("../place", folder / "tree/out"));
  ASSERT_TRUE(remove_tree(files, folder / "tree"));
  EXPECT_TRUE(*exists(files, folder / "place/inside"));
  ASSERT_TRUE(remove_tree(files, folder / "place-link"));
  EXPECT_TRUE(*exists(files, folder / "place/inside"));
}

TEST_F(PosixFilesTest, AtomicWriteReplacesALinkPutInItsWay) {
  ASSERT_TRUE(files.make_symlink("target", folder / "file.new"));
  ASSERT_TRUE(write_file_atomically(files, folder / "file", "mine"));
  EXPECT_EQ(folder.read("target"), "content");
  EXPECT_EQ(files.info(folder / "file")->type, FileType::regular);
}

TEST_F(PosixFilesTest, DoesNotWaitForAFifo) {
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  const auto opened = files.open(folder / "fifo");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::denied);
  EXPECT_EQ(files.info(folder / "fifo")->type, FileType::other);
}

TEST_F(PosixFilesTest, TakesOverADescriptor) {
  const int descriptor = ::open((folder / "target").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  {
    const auto file = adopt_input_file(descriptor);
    ByteBuffer buffer(3);
    EXPECT_EQ(*file->read_at(4_B, buffer), 3U);
    EXPECT_EQ(as_text(buffer), "ent");
  }
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1) << "closed with the object";
}

TEST(FileLock, ExcludesASecondHolder) {
  const tests::TemporaryFolder folder;
  auto first = FileLock::take(folder / "lock");
  ASSERT_TRUE(first) << first.error().message();
  const auto second = FileLock::take(folder / "lock");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
}

TEST(FileLock, IsFreeAgainAfterItsHolder) {
  const tests::TemporaryFolder folder;
  {
    auto first = FileLock::take(folder / "lock");
    ASSERT_TRUE(first);
    const auto moved = std::move(*first);
    EXPECT_FALSE(FileLock::take(folder / "lock")) << "the moved one still holds it";
  }
  EXPECT_TRUE(FileLock::take(folder / "lock"));
}

TEST(FileLock, FollowsNoLinkAndMakesNoFolder) {
  const tests::TemporaryFolder folder;
  ASSERT_TRUE(system_files().make_symlink("elsewhere", folder / "lock"));
  EXPECT_FALSE(FileLock::take(folder / "lock"));
  EXPECT_FALSE(*exists(system_files(), folder / "elsewhere"));
  EXPECT_EQ(FileLock::take(folder / "none/lock").error().kind, ErrorKind::not_found);
}

TEST(FilesPosixTest, TheModeSaysWhoMayRead) {
  EXPECT_EQ(mode_bits({.type = FileType::regular, .size = {}, .mode = 0640}, 0077), 0040U);
  EXPECT_EQ(mode_bits({.type = FileType::regular, .size = {}, .mode = 0600}, 0077), 0U);
}

}  // namespace
}  // namespace upswarm
