#include "installer/mending.hpp"

#include "tests/installer/altered_files.hpp"
#include "tests/installer/damaged_tree.hpp"

namespace upswarm::installer {
namespace {

class MendingTest : public testing::Test {
 protected:
  MendingTest() {
    for (const auto& [path, content] : tree_to_damage()) {
      for (const char* top : {"versions/1/", "versions/.staging/"}) folder.write(top + path, content, 0644);
    }
    tree = *package::scan_tree(system_files(), at());
  }
  Path at(const std::string& path = "") const { return folder / ("versions/1/" + path); }
  Path top() const { return folder / "versions/1"; }
  Survey survey() {
    auto found = survey_tree(files, top(), tree, {}, {});
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : Survey{};
  }
  Result<void> mend(bool is_asked = false) {
    return mend_tree(files, top(), tree, survey(), folder / "versions/.staging", is_asked);
  }

  tests::TemporaryFolder folder;
  AlteredFiles files{system_files()};
  package::Tree tree;
};

TEST_F(MendingTest, WhatDoesNotBelongThereStaysUnlessAPersonAsked) {
  folder.write("versions/1/share/notes", "mine");
  ASSERT_TRUE(mend());
  EXPECT_EQ(folder.read("versions/1/share/notes"), "mine");
  ASSERT_TRUE(mend(true));
  EXPECT_TRUE(survey().is_whole()) << survey().words();
  EXPECT_EQ(folder.read("versions/.aside/1/share/notes"), "mine");
}

TEST_F(MendingTest, WhatIsInTheWayIsMovedAsideEachTimeToAnotherPlace) {
  for (const char* number : {"1", "2"}) {
    std::filesystem::remove(at("share/same"));
    folder.write("versions/1/share/same/mine", number);
    folder.write("versions/.staging/share/same", tree_to_damage()["share/same"], 0644);
    ASSERT_TRUE(mend());
    EXPECT_TRUE(survey().is_whole()) << survey().words();
    EXPECT_EQ(folder.read(std::string("versions/.aside/") + number + "/share/same/mine"), number);
  }
}

TEST_F(MendingTest, AFileInPlaceOfTheTreeItselfIsMovedAside) {
  std::filesystem::remove_all(top());
  folder.write("versions/1", "a file");
  ASSERT_TRUE(mend());
  EXPECT_TRUE(survey().is_whole()) << survey().words();
  EXPECT_EQ(folder.read("versions/.aside/1/tree"), "a file");
}

TEST_F(MendingTest, OneFileThatCannotBeMendedDoesNotKeepTheRestFromIt) {
  for (const char* path : {"doc/here", "share/large", "share/same"}) write_anew(system_files(), at(path), "altered");
  files.stuck = at("doc/here");
  const auto mended = mend();
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().cause, "not permitted");
  ASSERT_EQ(survey().found.size(), 1U) << survey().words();
  EXPECT_EQ(survey().found[0].path, "doc/here");
}

TEST_F(MendingTest, NothingIsDoneInAFolderOfAnotherUser) {
  files.owners[at("share")] = 12'345;
  for (const char* path : {"doc/here", "share/large"}) write_anew(system_files(), at(path), "altered");
  const auto mended = mend();
  ASSERT_FALSE(mended);
  EXPECT_EQ(mended.error().reason, "unsafe_folder");
  EXPECT_NE(mended.error().message().find("chown root"), std::string::npos) << mended.error().message();
  files.owners.clear();
  ASSERT_EQ(survey().found.size(), 1U) << survey().words();
  EXPECT_EQ(survey().found[0].path, "share/large");
}

TEST_F(MendingTest, AFolderThatOthersMayWriteToIsClosedBeforeAnythingIsDoneInIt) {
  for (const char* path : {"", "share"}) ASSERT_TRUE(system_files().set_mode(at(path), 0777));
  alter(system_files(), at("share/large"));
  ASSERT_TRUE(mend());
  EXPECT_TRUE(survey().is_whole()) << survey().words();
}

TEST_F(MendingTest, WhatIsMountedIsLeftAlone) {
  folder.write("versions/1/share/data/theirs", "on another disk");
  files.devices[at("share/data")] = 99;
  ASSERT_TRUE(mend(true));
  EXPECT_EQ(folder.read("versions/1/share/data/theirs"), "on another disk");
  EXPECT_EQ(remove_tree(files, top()).error().reason, "mounted");
  EXPECT_EQ(folder.read("versions/1/share/data/theirs"), "on another disk");
}

TEST_F(MendingTest, ALinkIsMadeBesideAnyNameOfTheTree) {
  for (const char* name : {"versions/1/", "versions/.staging/"})
    folder.write(name + std::string(".link"), "file", 0644);
  std::filesystem::create_symlink("doc/here", at("a-link"));
  tree = *package::scan_tree(system_files(), at());
  std::filesystem::remove(at("a-link"));
  std::filesystem::remove(at(".link"));
  ASSERT_TRUE(mend());
  EXPECT_TRUE(survey().is_whole()) << survey().words();
}

}  // namespace
}  // namespace upswarm::installer
