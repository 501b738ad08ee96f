// Every way to a release but the two plain ones: a chain of deltas, a tree that is still on disk, and what is never
// tried again.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationWaysTest : public testing::Test {
 protected:
  /// A delta that ends in `altered` where its package says `to`: its bytes are signed, its result is not.
  tests::MadeRelease with_wrong_delta(tests::MadeRelease release) {
    auto bytes = folder.read("delta-" + release.entry.version + ".upd");
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    folder.write("wrong.upd", bytes);
    release.deltas.begin()->second = folder / "wrong.upd";
    release.entry.deltas.at(0).file.sha256 = sha256(bytes);
    return release;
  }

  tests::TemporaryFolder folder;
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
  tests::MadeRelease three = tests::make_release(folder, "3.0.0", 3, tests::third_tree(), &two);
  TestMachine machine{folder.path()};
};

TEST_F(InstallationWaysTest, AChainLeadsThroughAReleaseThatLeavesNothingBehind) {
  ASSERT_TRUE(machine.install(one));
  const auto outcome = machine.install_chain({&two, &three});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed") << outcome->reason;
  EXPECT_EQ(outcome->kind, "chain");
  machine.expect_runs(three);
  EXPECT_EQ(machine.record().versions(), (std::vector<std::string>{"1.0.0", "3.0.0"}));
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/2.0.0"));
  EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/.between"));
  EXPECT_TRUE(std::filesystem::is_empty(machine.state / "incoming"));
}

TEST_F(InstallationWaysTest, AnInterruptedChainGoesOnFromTheTreeBetween) {
  ASSERT_TRUE(machine.install(one));
  // As if the power had gone after the first step.
  const auto root = machine.product.root;
  std::filesystem::copy(two.tree, root / "versions/.between", std::filesystem::copy_options::recursive);
  const auto tree = package::scan_tree(system_files(), two.tree);
  folder.write("state/trees/app.between", package::encode_tree(*tree));
  // The first delta is of no use any more, so it was not used.
  folder.write("junk", "no delta");
  auto broken = two;
  broken.deltas.begin()->second = folder / "junk";
  const auto outcome = machine.install_chain({&broken, &three});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed") << outcome->reason;
  machine.expect_runs(three);
}

TEST_F(InstallationWaysTest, ATreeBetweenThatWasAlteredIsMadeAgain) {
  ASSERT_TRUE(machine.install(one));
  std::filesystem::copy(two.tree, machine.product.root / "versions/.between", std::filesystem::copy_options::recursive);
  const auto tree = package::scan_tree(system_files(), two.tree);
  folder.write("state/trees/app.between", package::encode_tree(*tree));
  folder.write("root/versions/.between/share/same", "NEVER CHANGES");
  const auto outcome = machine.install_chain({&two, &three});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed") << outcome->reason;
  machine.expect_runs(three);
}

TEST_F(InstallationWaysTest, NothingInAStagingFolderIsTrusted) {
  ASSERT_TRUE(machine.install(one));
  for (const char* from : {static_cast<const char*>(nullptr), "1.0.0"}) {
    const auto staging = machine.product.root / "versions/.staging";
    std::filesystem::remove_all(staging);
    std::filesystem::copy(two.tree, staging, std::filesystem::copy_options::recursive);
    folder.write("root/versions/.staging/bin/app", "#!/bin/sh\necho ill\n");
    folder.write("root/versions/.staging/bin/more", "#!/bin/sh\n");
    std::filesystem::permissions(staging / "share/new", std::filesystem::perms(0666));
    std::filesystem::create_hard_link(staging / "share/same", folder / "held");
    std::filesystem::remove_all(staging / "doc");
    std::filesystem::create_symlink("/etc", staging / "doc");
    const auto outcome = machine.install(two, from);
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->result, "completed") << outcome->reason;
    machine.expect_runs(two);
    EXPECT_EQ(std::filesystem::hard_link_count(machine.product.root / "current/share/same"), 1U);
    std::filesystem::remove(folder / "held");
    ASSERT_TRUE(machine.installation().roll_back("", {}, {}));
  }
}

TEST_F(InstallationWaysTest, AStepThatLeadsElsewhereThanItsSignedReleaseIsRefused) {
  ASSERT_TRUE(machine.install(one));
  two.entry.content = sha256("another tree");
  const auto outcome = machine.install_chain({&two, &three});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("another tree"), std::string::npos) << outcome->reason;
  machine.expect_runs(one);
}

TEST_F(InstallationWaysTest, AWrongResultIsQuarantinedWithItsBase) {
  ASSERT_TRUE(machine.install(one));
  const auto wrong = with_wrong_delta(two);
  const auto outcome = machine.install(wrong, "1.0.0");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  machine.expect_runs(one);
  const auto record = machine.record();
  ASSERT_EQ(record.quarantine.size(), 1U);
  EXPECT_EQ(record.quarantine[0].package, wrong.entry.deltas[0].file.sha256);
  EXPECT_EQ(record.quarantine[0].base, one.entry.content);
  EXPECT_EQ(record.quarantine[0].version, "2.0.0");
  EXPECT_FALSE(record.quarantine[0].reason.empty());
  EXPECT_TRUE(record.bad.empty()) << "the release is not to blame";
  ASSERT_TRUE(machine.install(two)) << "by another way";
  machine.expect_runs(two);
}

TEST_F(InstallationWaysTest, TheSecondStepOfAChainIsQuarantinedWithTheReleaseBetween) {
  ASSERT_TRUE(machine.install(one));
  const auto wrong = with_wrong_delta(three);
  ASSERT_TRUE(machine.install_chain({&two, &wrong}));
  const auto record = machine.record();
  ASSERT_EQ(record.quarantine.size(), 1U);
  EXPECT_EQ(record.quarantine[0].base, two.entry.content);
}

TEST_F(InstallationWaysTest, AFullPackageOfAnotherTreeIsQuarantinedByItself) {
  two.entry.content = sha256("another tree");
  ASSERT_TRUE(machine.install(two));
  const auto record = machine.record();
  ASSERT_EQ(record.quarantine.size(), 1U);
  EXPECT_EQ(record.quarantine[0].package, two.entry.full.sha256);
  EXPECT_FALSE(record.quarantine[0].base);
}

TEST_F(InstallationWaysTest, ADamagedBaseIsNotTheDeltasFault) {
  ASSERT_TRUE(machine.install(one));
  folder.write("root/versions/1.0.0/share/same", "was altered!!");
  const auto outcome = machine.install(two, "1.0.0");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("1.0.0 on disk is damaged"), std::string::npos) << outcome->reason;
  EXPECT_TRUE(machine.record().quarantine.empty());
}

TEST_F(InstallationWaysTest, AFullDiskQuarantinesNothing) {
  ASSERT_TRUE(machine.install(one));
  machine.config.keep_free = Bytes{std::uint64_t{1} << 60U};
  ASSERT_TRUE(machine.install_chain({&two, &three}));
  EXPECT_TRUE(machine.record().quarantine.empty());
}

TEST_F(InstallationWaysTest, AKeptTreeIsInstalledWithoutAnyPackage) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  const auto outcome = machine.installation().install_kept(one.entry, {}, {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed");
  EXPECT_EQ(outcome->kind, "nothing");
  machine.expect_runs(one);
  EXPECT_TRUE(machine.record().bad.empty()) << "what is left may come back: a signed index said so";
  ASSERT_TRUE(machine.installation().install_kept(two.entry, {}, {}));
  machine.expect_runs(two);
}

TEST_F(InstallationWaysTest, AKeptTreeThatIsDamagedIsNotInstalled) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  folder.write("root/versions/1.0.0/share/same", "was altered!!");
  const auto outcome = machine.installation().install_kept(one.entry, {}, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  machine.expect_runs(two);
}

TEST_F(InstallationWaysTest, WhatIsNotKeptIsNotInstalled) {
  ASSERT_TRUE(machine.install(one));
  const auto outcome = machine.installation().install_kept(two.entry, {}, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_NE(outcome->reason.find("not kept"), std::string::npos) << outcome->reason;
  machine.expect_runs(one);
}

TEST_F(InstallationWaysTest, TheSameReleaseUnderAnotherCounterNeedsNoPackage) {
  ASSERT_TRUE(machine.install(one));
  one.entry.counter = {1, 9};
  const auto outcome = machine.installation().install_kept(one.entry, {}, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "completed");
  EXPECT_EQ(machine.record().highest, (trust::ReleaseCounter{1, 9}));
}

TEST_F(InstallationWaysTest, PresenceIsSaidByContentAndDamageByName) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  folder.write("root/versions/2.0.0/share/same", "was altered!!");
  const auto presence = machine.installation().present({one.entry.content, two.entry.content, three.entry.content}, {});
  ASSERT_TRUE(presence) << presence.error().message();
  EXPECT_EQ(presence->present, std::vector{one.entry.content});
  ASSERT_EQ(presence->damaged.size(), 1U);
  EXPECT_EQ(presence->damaged[0].content, two.entry.content);
  EXPECT_NE(presence->damaged[0].why.find("share/same"), std::string::npos) << presence->damaged[0].why;
}

TEST_F(InstallationWaysTest, TheQuarantineSurvivesARestartAndDropsTheOldest) {
  ProductRecord record;
  record.product = "app";
  for (std::size_t i = 0; i <= messages::kMostQuarantined; ++i)
    record.put_aside({sha256(std::to_string(i)), std::nullopt, "1.0.0", "why", machine.clock.now()});
  record.put_aside({sha256("7"), std::nullopt, "1.0.0", "once is enough", machine.clock.now()});
  ASSERT_TRUE(machine.records.save(record));
  const auto read = machine.record();
  EXPECT_EQ(read.quarantine.size(), messages::kMostQuarantined);
  EXPECT_EQ(read.quarantined(sha256("0"), std::nullopt), nullptr);
  ASSERT_NE(read.quarantined(sha256("7"), std::nullopt), nullptr);
  EXPECT_EQ(read.quarantined(sha256("7"), one.entry.content), nullptr) << "on another base it may do";
}

}  // namespace
}  // namespace upswarm::installer
