// The in-place layout in the hands of Installation; power cuts and failures are in installation_stops_test.cpp.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationInPlaceTest : public testing::Test {
 protected:
  InstallationInPlaceTest() {
    machine.layout = trust::kInPlaceLayout;
    for (auto* const release : {&one, &two}) set_layout(*release, trust::kInPlaceLayout);
  }
  Path in_root(const char* name) const { return machine.product.root / name; }

  tests::TemporaryFolder folder;
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
  TestMachine machine{folder / "machine"};
};

TEST_F(InstallationInPlaceTest, RunsFromRootAndChecksAndHooksSeeIt) {
  two.entry.hooks.after = trust::Command{.argv = {"bin/app"}};
  two.entry.hooks.before = trust::Command{.argv = {"bin/app"}};
  std::map<std::string, Path> folders;
  machine.runner.on_run = [&](const std::string& what, const RunContext& context) { folders[what] = context.release; };
  ASSERT_TRUE(machine.install(one));
  machine.expect_runs(one);
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  machine.expect_runs(two);
  EXPECT_EQ(folders["hook before"], in_root(".upswarm/versions/2.0.0")) << "ROOT still shows the release before";
  EXPECT_EQ(folders["hook after"], machine.product.root);
  EXPECT_EQ(folders["health 2.0.0"], machine.product.root);
}

TEST_F(InstallationInPlaceTest, GoesBackToWhatIsKeptWhole) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  ASSERT_TRUE(machine.installation().roll_back("", {}, {}));
  machine.expect_runs(one);
}

TEST_F(InstallationInPlaceTest, GoesBackToNothingThatWasAltered) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  std::ofstream(in_root(".upswarm/versions/1.0.0/share/text")) << "altered";
  const auto outcome = machine.installation().roll_back("", {}, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  machine.expect_runs(two);
}

TEST_F(InstallationInPlaceTest, AFileThatWasAlteredInRootIsNoBase) {
  ASSERT_TRUE(machine.install(one));
  std::ofstream(in_root("share/same"), std::ios::app) << "altered";
  const auto presence = machine.installation().present({one.entry.content}, {});
  ASSERT_TRUE(presence);
  ASSERT_EQ(presence->damaged.size(), 1U);
  ASSERT_TRUE(machine.install_sparse(two));
  machine.expect_runs(two);
}

TEST_F(InstallationInPlaceTest, AFileOfTheReleaseThatWasAlteredIsMendedInRootToo) {
  ASSERT_TRUE(machine.install(one));
  std::ofstream(in_root("share/text")) << "altered";
  const auto found = machine.installation().survey({}, {});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->found.size(), 1U) << found->words();
  const auto repaired = machine.repair(one);
  ASSERT_TRUE(repaired && *repaired);
  EXPECT_EQ((*repaired)->result, "completed") << (*repaired)->reason;
  machine.expect_runs(one);
  EXPECT_TRUE(machine.installation().survey({}, {})->is_whole());
}

TEST_F(InstallationInPlaceTest, AFileOfRootThatIsAnotherIsTheReleasesOwnAgain) {
  ASSERT_TRUE(machine.install(one));
  std::filesystem::remove(in_root("share/text"));
  std::ofstream(in_root("share/text")) << "another";
  std::ofstream(in_root("share/mine")) << "mine";
  const auto found = machine.installation().survey({}, {});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->found.empty()) << found->words();
  EXPECT_NE(found->link.find("share/text"), std::string::npos) << found->link;
  const auto repaired = machine.installation().repair(nullptr, {}, {});
  ASSERT_TRUE(repaired && *repaired);
  EXPECT_EQ((*repaired)->result, "completed") << (*repaired)->reason;
  EXPECT_TRUE(machine.installation().survey({}, {})->is_whole());
  machine.others = {"share/mine"};
  machine.expect_runs(one);
}

TEST_F(InstallationInPlaceTest, AFolderThatOthersMayWriteToHoldsTheUpdateBeforeAnythingIsTouched) {
  ASSERT_TRUE(machine.install(one));
  std::filesystem::permissions(in_root("share"), std::filesystem::perms(0777));
  two.entry.services = one.entry.services = {"web"};
  machine.runner.calls.clear();
  const auto outcome = machine.install(two);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("others may write to it"), std::string::npos) << outcome->reason;
  EXPECT_TRUE(machine.runner.calls.empty()) << "no service was stopped";
  EXPECT_TRUE(machine.record().bad.empty()) << "the machine's fault, not the release's";
  std::filesystem::permissions(in_root("share"), std::filesystem::perms(0755));
  machine.expect_runs(one);
}

TEST_F(InstallationInPlaceTest, ATreeWithTheInstallersOwnNameIsRefused) {
  auto files = tests::second_tree();
  files[".Upswarm/versions/x"] = "planted";
  auto planted = tests::make_release(folder, "3.0.0", 3, files);
  set_layout(planted, trust::kInPlaceLayout);
  ASSERT_TRUE(machine.install(one));
  const auto outcome = machine.install(planted);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_EQ(machine.record().bad.size(), 1U);
  machine.expect_runs(one);
}

TEST_F(InstallationInPlaceTest, AProductKeepsItsLayout) {
  auto other = two;
  set_layout(other, trust::kVersionedLayout);
  ASSERT_TRUE(machine.install(one));
  const auto outcome = machine.install(other);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("cannot change its layout"), std::string::npos) << outcome->reason;
  machine.expect_runs(one);
  EXPECT_FALSE(std::filesystem::exists(in_root("versions")));
}

TEST_F(InstallationInPlaceTest, StartingWithoutAReleaseMakesNothingInRoot) {
  std::filesystem::create_directories(machine.product.root);
  ASSERT_TRUE(machine.installation().recover({}, {}));
  EXPECT_TRUE(std::filesystem::is_empty(machine.product.root));
}

}  // namespace
}  // namespace upswarm::installer
