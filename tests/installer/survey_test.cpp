#include "installer/survey.hpp"

#include "tests/installer/altered_files.hpp"
#include "tests/installer/damaged_tree.hpp"

namespace upswarm::installer {
namespace {

using messages::DamageKind;

class SurveyTest : public testing::Test {
 protected:
  SurveyTest() {
    for (const auto& [path, content] : tree_to_damage()) folder.write("tree/" + path, content, 0644);
    std::filesystem::permissions(folder / "tree/bin/app", std::filesystem::perms(0755));
    std::filesystem::create_symlink("share/text", folder / "tree/link");
    tree = *package::scan_tree(system_files(), folder / "tree");
  }
  Survey survey() {
    auto found = survey_tree(files, folder / "tree", tree, {}, {});
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : Survey{};
  }
  /// "kind path", of all findings.
  std::vector<std::string> findings() {
    std::vector<std::string> all;
    for (const auto& one : survey().found) all.push_back(std::string(to_string(one.kind)) + " " + one.path);
    return all;
  }

  tests::TemporaryFolder folder;
  AlteredFiles files{system_files()};
  package::Tree tree;
  std::stop_source stop;
};

using Findings = std::vector<std::string>;

TEST_F(SurveyTest, AWholeTreeIsReadToTheLastByte) {
  const auto found = survey();
  EXPECT_TRUE(found.is_whole()) << found.words();
  EXPECT_EQ(found.read, tree.total_size());
  EXPECT_FALSE(found.needs_package);
}

TEST_F(SurveyTest, NamesAllThatIsDamaged) {
  damage_tree(system_files(), folder / "tree");
  EXPECT_EQ(findings(), (Findings{"mode bin/app", "missing lib", "missing lib/deep", "missing lib/deep/down",
                                  "missing lib/deep/down/one", "extra share/extra", "altered share/large",
                                  "altered share/same", "missing share/text"}));
  EXPECT_EQ(survey().found.size(), kDamages);
  EXPECT_TRUE(survey().needs_package);
}

TEST_F(SurveyTest, ModesAreExact) {
  for (const auto mode : {0666U, 04644U, 0755U, 0600U}) {
    ASSERT_TRUE(system_files().set_mode(folder / "tree/share/text", mode));
    EXPECT_EQ(findings(), (Findings{"mode share/text"})) << mode;
  }
  ASSERT_TRUE(system_files().set_mode(folder / "tree/share/text", 0644));
  ASSERT_TRUE(system_files().set_mode(folder / "tree/share", 0777));
  EXPECT_EQ(findings(), (Findings{"mode share"}));
  EXPECT_FALSE(survey().needs_package);
}

TEST_F(SurveyTest, ALinkThatLeadsElsewhereIsNotFollowed) {
  std::filesystem::remove(folder / "tree/link");
  std::filesystem::create_symlink("/etc", folder / "tree/link");
  std::filesystem::rename(folder / "tree/doc", folder / "elsewhere");
  std::filesystem::create_symlink(folder / "elsewhere", folder / "tree/doc");
  EXPECT_EQ(findings(), (Findings{"altered doc", "missing doc/here", "altered link"}));
}

TEST_F(SurveyTest, ATreeThatIsGoneIsDamaged) {
  std::filesystem::remove_all(folder / "tree");
  EXPECT_EQ(survey().found.size(), tree.entries.size());
}

TEST_F(SurveyTest, WhatAnotherFileStillHoldsIsNotLost) {
  folder.write("tree/share/twin", tree_to_damage()["share/large"]);
  tree = *package::scan_tree(system_files(), folder / "tree");
  alter(system_files(), folder / "tree/share/large");
  EXPECT_EQ(survey().lost, 0_B);
  alter(system_files(), folder / "tree/share/twin");
  EXPECT_EQ(survey().lost.count, tree_to_damage()["share/large"].size()) << "once";
}

TEST_F(SurveyTest, WhatAnotherUserCouldChangeIsNotWhole) {
  files.owners[folder / "tree/share"] = 12'345;
  files.owners[folder / "tree/bin/app"] = 12'345;
  EXPECT_EQ(findings(), (Findings{"altered bin/app", "mode share"})) << "the file is replaced";
  EXPECT_NE(survey().words().find("it belongs to user 12345"), std::string::npos) << survey().words();
  files.owners = {{folder / "tree", 12'345}};
  EXPECT_EQ(findings(), (Findings{"mode ."}));
  files.owners.clear();
  ASSERT_TRUE(system_files().set_mode(folder / "tree", 0777));
  EXPECT_EQ(findings(), (Findings{"mode ."}));
}

TEST_F(SurveyTest, WhatIsMountedIsToldAndNotLookedInto) {
  files.devices[folder / "tree/share"] = 99;
  EXPECT_EQ(findings(), (Findings{"extra share"}));
  EXPECT_TRUE(survey().found.at(0).is_mounted);
  EXPECT_FALSE(survey().wants_repair(true));
}

TEST_F(SurveyTest, AFolderThatCannotBeListedIsDamagedAndTheRestIsRead) {
  files.unreadable = folder / "tree/doc";
  EXPECT_EQ(findings(), (Findings{"altered doc", "missing doc/here"}));
  EXPECT_TRUE(survey().needs_package);
  files.unreadable = folder / "tree";
  EXPECT_EQ(survey().found.size(), tree.entries.size() + 1);
}

TEST_F(SurveyTest, OnlyWhatDoesNotBelongThereWantsNoRepairUnlessAsked) {
  folder.write("tree/share/app.pid", "17");
  EXPECT_FALSE(survey().is_whole());
  EXPECT_FALSE(survey().wants_repair(false));
  EXPECT_TRUE(survey().wants_repair(true));
}

TEST_F(SurveyTest, EndsWhenAskedTo) {
  stop.request_stop();
  const auto found = survey_tree(system_files(), folder / "tree", tree, {}, stop.get_token());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::cancelled);
}

TEST_F(SurveyTest, IsToldToOthersWithTheFirstFindingsAndTheNumberOfAll) {
  for (int i = 0; i < 150; ++i) folder.write("tree/extra" + std::to_string(i), "x");
  const auto told_one = told(survey(), "app", "1.0.0");
  EXPECT_EQ(told_one.damage.size(), messages::kMostToldDamage);
  const auto read = messages::parse_verification(messages::to_json(told_one));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_FALSE(read->is_whole());
  EXPECT_EQ(read->counts, (std::vector<std::int64_t>{0, 0, 150, 0}));
  EXPECT_EQ(read->damage.front().path, "extra0");
}

}  // namespace
}  // namespace upswarm::installer
