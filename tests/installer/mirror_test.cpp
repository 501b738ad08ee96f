#include "installer/mirror.hpp"

#include <gtest/gtest.h>

#include "protocol/base/digest.hpp"
#include "protocol/package/tree.hpp"
#include "tests/support/stopping_files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

namespace fs = std::filesystem;

class MirrorTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(own);
    folder.write("root/.own/one/bin/app", "one");
    folder.write("root/.own/one/share/same", "same");
    folder.write("root/.own/one/share/old", "old");
    folder.write("root/.own/two/bin/app", "two");
    folder.write("root/.own/two/share/new/deep", "new");
    fs::create_hard_link(one / "share/same", two / "share/same");
    fs::create_symlink("bin/app", two / "run");
  }

  std::string read(const char* name) { return folder.read(std::string("root/") + name); }
  bool is_there(const char* name) { return fs::exists(fs::symlink_status(root / name)); }
  void write(const char* name, const char* content) { folder.write(std::string("root/") + name, content); }
  static Path aside_of(std::string_view name) { return Path(".own/aside") / sha256(name).hex(); }
  std::string digest_of_root() {
    auto tree = package::scan_tree(files, root);
    std::erase_if(tree->entries, [](const auto& entry) { return entry.path.view().starts_with(".own"); });
    return package::content_digest(*tree).hex();
  }

  tests::TemporaryFolder folder;
  tests::StoppingFiles files{tests::unsynced_files()};
  Path root = folder / "root";
  Path own = root / ".own";
  Path one = own / "one";
  Path two = own / "two";
  Mirror mirror{files, root, own};
};

/// A disk with a mount point, on which somebody writes into a folder just before it is removed.
class BusyFiles final : public tests::UnsyncedFiles {
 public:
  using UnsyncedFiles::UnsyncedFiles;
  Result<FileInfo> info(const Path& path) override {
    auto info = UnsyncedFiles::info(path);
    if (info && !mounted.empty() && (path.string() + "/").starts_with(mounted.string() + "/")) ++info->device;
    return info;
  }
  Result<void> remove_folder(const Path& path) override {
    if (path == written_to) {
      UPSWARM_CHECK(create(path / "notes", 0644));
    }
    return UnsyncedFiles::remove_folder(path);
  }
  Path mounted;
  Path written_to;
};

/// Asks for a stop at its n-th rename.
class StopAtRename final : public tests::UnsyncedFiles {
 public:
  explicit StopAtRename(std::size_t at) : UnsyncedFiles(system_files()), at_(at) {}
  Result<void> rename(const Path& from, const Path& to) override {
    if (++renames == at_) stop.request_stop();
    return UnsyncedFiles::rename(from, to);
  }
  std::size_t renames = 0;
  std::stop_source stop;

 private:
  std::size_t at_;
};

TEST_F(MirrorTest, AStopLeavesWhatTheNextCallMakesWholeInEitherDirection) {
  ASSERT_TRUE(mirror.show(one, {}));
  const auto before = digest_of_root();
  ASSERT_TRUE(mirror.show(two, one));
  const auto after = digest_of_root();
  for (std::size_t at = 1; at <= 2; ++at) {
    for (const bool is_back : {true, false}) {
      ASSERT_TRUE(mirror.show(one, two));
      StopAtRename disk(at);
      const auto shown = Mirror(disk, root, own).show(two, one, disk.stop.get_token());
      ASSERT_FALSE(shown) << at;
      EXPECT_EQ(shown.error().kind, ErrorKind::cancelled) << shown.error().message();
      EXPECT_EQ(disk.renames, at) << "nothing more is done";
      ASSERT_TRUE(is_back ? mirror.show(one, two) : mirror.show(two, one));
      EXPECT_EQ(digest_of_root(), is_back ? before : after);
      ASSERT_TRUE(mirror.show(two, one));
    }
  }
}

TEST_F(MirrorTest, AMountPointWithFilesOfAReleaseIsFoundBeforeAnythingIsTouched) {
  ASSERT_TRUE(mirror.show(one, {}));
  const auto before = digest_of_root();
  BusyFiles disk(system_files());
  Mirror other(disk, root, own);
  for (const char* const place : {"share", "share/old", "bin/app"}) {
    disk.mounted = root / place;
    const auto checked = other.check(two, one);
    ASSERT_FALSE(checked) << place;
    EXPECT_EQ(checked.error().kind, ErrorKind::denied);
    EXPECT_EQ(checked.error().reason, "in_the_way");
    EXPECT_NE(checked.error().message().find("mounted"), std::string::npos) << checked.error().message();
  }
  disk.mounted = two;
  EXPECT_FALSE(other.check(two, one)) << "no second names of files elsewhere";
  EXPECT_EQ(digest_of_root(), before);
}

TEST_F(MirrorTest, AMountPointThatReleasesOnlyNameIsLeftAlone) {
  fs::create_directories(one / "data");
  fs::create_directories(two / "data");
  ASSERT_TRUE(mirror.show(one, {}));
  BusyFiles disk(system_files());
  disk.mounted = root / "data";
  Mirror other(disk, root, own);
  ASSERT_TRUE(other.check(two, one));
  ASSERT_TRUE(other.show(two, one));
  fs::remove(one / "data");
  ASSERT_TRUE(other.check(one, two));
  ASSERT_TRUE(other.show(one, two)) << "nobody wants it any more";
  EXPECT_TRUE(is_there("data")) << "what is mounted stays";
}

TEST_F(MirrorTest, AFolderThatSomebodyWritesToWhileItIsRemovedStays) {
  ASSERT_TRUE(mirror.show(two, {}));
  BusyFiles disk(system_files());
  disk.written_to = root / "share/new";
  Mirror other(disk, root, own);
  const auto shown = other.show(one, two);
  ASSERT_TRUE(shown) << shown.error().message();
  EXPECT_TRUE(is_there("share/new/notes"));
  EXPECT_EQ(read("bin/app"), "one");
}

TEST_F(MirrorTest, ShowsOneTreeAndThenTheOther) {
  ASSERT_TRUE(mirror.show(one, {}));
  EXPECT_EQ(read("bin/app"), "one");
  EXPECT_EQ(fs::hard_link_count(root / "bin/app"), 2U) << "no copy";
  const auto first = digest_of_root();
  ASSERT_TRUE(mirror.show(two, one));
  EXPECT_EQ(read("bin/app"), "two");
  EXPECT_EQ(read("run"), "two");
  EXPECT_EQ(read("share/new/deep"), "new");
  EXPECT_FALSE(is_there("share/old"));
  EXPECT_FALSE(is_there(".own/.placing"));
  ASSERT_TRUE(mirror.show(one, two));
  EXPECT_EQ(digest_of_root(), first) << "with no folder and no link left";
  ASSERT_TRUE(mirror.show({}, one));
  EXPECT_FALSE(is_there("bin")) << "folders that hold nothing go";
  EXPECT_TRUE(is_there(".own/one/bin/app"));
}

TEST_F(MirrorTest, WhatIsShownCostsOneSyncAFolderAndACheckNothing) {
  files.stop_at({});
  ASSERT_TRUE(mirror.check(one, {}));
  EXPECT_EQ(files.operations(), 0U);
  EXPECT_FALSE(is_there("bin"));
  ASSERT_TRUE(mirror.show(one, {}));
  files.stop_at({});
  ASSERT_TRUE(mirror.show(one, two));
  EXPECT_EQ(files.operations(), 3U) << "who showed it may have been stopped before its syncs";
}

TEST_F(MirrorTest, WhatIsInTheWayComesBack) {
  write("bin/app", "somebody's");
  write("share", "a file where a folder comes");
  write("run/data", "a folder where a link comes");
  ASSERT_TRUE(mirror.show(two, {}));
  EXPECT_EQ(read("bin/app"), "two");
  EXPECT_EQ(read("run"), "two");
  EXPECT_EQ(read(aside_of("bin/app").c_str()), "somebody's");
  ASSERT_TRUE(mirror.show({}, two));
  EXPECT_EQ(read("bin/app"), "somebody's");
  EXPECT_EQ(read("share"), "a file where a folder comes");
  EXPECT_EQ(read("run/data"), "a folder where a link comes");
  EXPECT_TRUE(fs::is_empty(own / "aside"));
}

TEST_F(MirrorTest, NothingThatIsAsideIsOverwritten) {
  write("run", "first");
  ASSERT_TRUE(mirror.show(two, {}));
  fs::remove(root / "run");
  write("run", "second");
  ASSERT_TRUE(mirror.show(one, two));
  EXPECT_EQ(read("run"), "second") << "it is none of the release's, and left alone";
  for (const auto& refused : {mirror.check(two, one), mirror.show(two, one)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "in_the_way");
  }
  EXPECT_EQ(read(aside_of("run").c_str()), "first");
}

TEST_F(MirrorTest, AFolderBecomesAFileAndComesBackWithWhatLayInIt) {
  folder.write("root/.own/three/share", "a file now");
  ASSERT_TRUE(mirror.show(one, {}));
  write("share/mine", "somebody's");
  ASSERT_TRUE(mirror.show(own / "three", one));
  EXPECT_EQ(read("share"), "a file now");
  ASSERT_TRUE(mirror.show(one, own / "three"));
  EXPECT_EQ(read("share/mine"), "somebody's");
  EXPECT_EQ(read("share/old"), "old");
}

TEST_F(MirrorTest, AFileThatSomebodyReplacedIsTheReleasesOwnAgain) {
  ASSERT_TRUE(mirror.show(one, {}));
  for (const char* name : {"share/same", "share/old"}) {
    fs::remove(root / name);
    write(name, "altered");
  }
  ASSERT_TRUE(mirror.show(two, one));
  EXPECT_EQ(read("share/same"), "same") << "though the releases do not differ in it";
  EXPECT_EQ(read("share/old"), "altered") << "no release has it: it is somebody's";
  EXPECT_EQ(folder.read("root/.own/one/share/old"), "old");
}

TEST_F(MirrorTest, AFolderThatBecameALinkIsNotFollowed) {
  ASSERT_TRUE(mirror.show(one, {}));
  fs::rename(root / "share", folder / "elsewhere");
  fs::create_symlink(folder / "elsewhere", root / "share");
  for (const auto& refused : {mirror.check(two, one), mirror.show(two, one)}) {
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("it is a link"), std::string::npos) << refused.error().message();
  }
  EXPECT_EQ(folder.read("elsewhere/old"), "old");
  EXPECT_FALSE(fs::exists(folder / "elsewhere/new"));
}

TEST_F(MirrorTest, AStrangersLinkInTheWayOfAFolderIsPutAsideAndNotFollowed) {
  folder.write("elsewhere/deep", "somebody's");
  ASSERT_TRUE(mirror.show(one, {}));
  fs::create_symlink(folder / "elsewhere", root / "share/new");
  ASSERT_TRUE(mirror.show(two, one));
  EXPECT_EQ(read("share/new/deep"), "new");
  EXPECT_EQ(folder.read("elsewhere/deep"), "somebody's");
  ASSERT_TRUE(mirror.show(one, two));
  EXPECT_TRUE(fs::is_symlink(root / "share/new"));
}

TEST_F(MirrorTest, NothingIsDoneInAFolderThatOthersMayWriteTo) {
  ASSERT_TRUE(mirror.show(one, {}));
  fs::permissions(root / "share", fs::perms(0775));
  for (const auto& refused : {mirror.check(two, one), mirror.show(two, one)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
    EXPECT_EQ(refused.error().reason, "unsafe_folder");
  }
  EXPECT_TRUE(is_there("share/old"));
}

/// Says of one folder that it belongs to somebody else.
class GivenAway final : public tests::UnsyncedFiles {
 public:
  explicit GivenAway(Path folder) : UnsyncedFiles(system_files()), folder_(std::move(folder)) {}
  Result<FileInfo> info(const Path& path) override {
    UPSWARM_TRY(auto found, UnsyncedFiles::info(path));
    if (path == folder_) found.owner = 4'000'000'000;
    return found;
  }

 private:
  Path folder_;
};

TEST_F(MirrorTest, NothingIsDoneInAFolderOfSomebodyElse) {
  ASSERT_TRUE(mirror.show(one, {}));
  GivenAway given(root / "share");
  Mirror there(given, root, own);
  EXPECT_EQ(there.check(two, one).error().reason, "unsafe_folder");
  EXPECT_EQ(there.show(two, one).error().reason, "unsafe_folder");
  EXPECT_TRUE(is_there("share/old"));
}

TEST_F(MirrorTest, AFolderOfWhichReleasesHoldOnlyTheNameIsTheProductsOwn) {
  fs::create_directories(one / "data");
  fs::create_directories(two / "data");
  ASSERT_TRUE(mirror.show(one, {}));
  write("data/state", "somebody's");
  fs::permissions(root / "data", fs::perms(0777));
  ASSERT_TRUE(mirror.show(two, one));
  EXPECT_EQ(read("data/state"), "somebody's");
  ASSERT_TRUE(mirror.show({}, two)) << "also where no release has it any more";
  EXPECT_EQ(read("data/state"), "somebody's");
}

TEST_F(MirrorTest, ATreeThatIsNotThereChangesNothing) {
  ASSERT_TRUE(mirror.show(one, {}));
  EXPECT_EQ(mirror.show(own / "three", one).error().kind, ErrorKind::not_found);
  EXPECT_EQ(read("bin/app"), "one");
}

/// The other tests of power cuts are those of whole installations (StopsTest); here, one operation fails.
TEST_F(MirrorTest, StoppedAnywhereItIsMadeWholeForwardsAndBackwards) {
  write("share/new", "somebody's");
  ASSERT_TRUE(mirror.show(one, {}));
  const auto first = digest_of_root();
  ASSERT_TRUE(mirror.show(two, one));
  const auto second = digest_of_root();
  for (std::size_t n = 1;; ++n) {
    for (const bool forwards : {true, false}) {
      ASSERT_TRUE(mirror.show(one, two));
      files.stop_at(n);
      ignore_failure(mirror.show(two, one), "it may be stopped");
      const bool was_reached = files.was_reached();
      files.stop_at({});
      ASSERT_TRUE(forwards ? mirror.show(two, one) : mirror.show(one, two)) << n;
      EXPECT_EQ(digest_of_root(), forwards ? second : first) << n;
      if (!was_reached) return;
    }
  }
}

}  // namespace
}  // namespace upswarm::installer
