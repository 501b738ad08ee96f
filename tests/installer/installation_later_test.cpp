// Releases that only a later installer can act on, as an older one finds them in its record.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationLaterTest : public testing::Test {
 protected:
  static void let_require_the_unknown(trust::Entry& entry) {
    auto later = trust::to_json(entry);
    later["requires"] = {"oracle-health"};
    entry = *trust::parse_entry(later, "entry");
  }

  tests::TemporaryFolder folder;
  TestMachine machine{folder.path()};
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
};

TEST_F(InstallationLaterTest, ItIsNoWayBack) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two));
  auto record = machine.record();
  let_require_the_unknown(record.releases.at(0).entry);
  ASSERT_TRUE(machine.records.save(record));
  EXPECT_EQ(machine.installation().roll_back("", {}, {}).error().kind, ErrorKind::not_found);
  const auto outcome = machine.installation().roll_back("1.0.0", {}, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, "newer_installer");
  machine.expect_runs(two);
}

TEST_F(InstallationLaterTest, ItsProbationIsUndoneAndNobodyIsBlamed) {
  ASSERT_TRUE(machine.install(one));
  machine.runner.failures["health 2.0.0"] = Error{ErrorKind::cancelled, "health check", "stopped"};
  EXPECT_FALSE(machine.install(two));
  machine.runner.failures.clear();
  auto record = machine.record();
  let_require_the_unknown(record.journal->to);
  ASSERT_TRUE(machine.records.save(record));
  const auto outcome = machine.installation().recover({}, {});
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ((*outcome)->result, "rolled_back");
  EXPECT_NE((*outcome)->reason.find("needs a newer installer: oracle-health"), std::string::npos);
  machine.expect_runs(one);
  EXPECT_TRUE(machine.record().bad.empty());
}

TEST(InstallationInUse, AnOldReleaseThatAProcessUsesStaysUntilItDoesNot) {
  const tests::TemporaryFolder folder;
  TestMachine machine(folder.path());
  const auto one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  const auto two = tests::make_release(folder, "2.0.0", 2, tests::second_tree());
  const auto three = tests::make_release(folder, "3.0.0", 3, tests::third_tree());
  const auto four = tests::make_release(folder, "4.0.0", 4, tests::first_tree());
  const auto five = tests::make_release(folder, "5.0.0", 5, tests::second_tree());
  machine.runner.used = {"1.0.0"};
  for (const auto* const release : {&one, &two, &three}) {
    ASSERT_TRUE(machine.install(*release));
    machine.clock.advance(std::chrono::hours(48));
  }
  EXPECT_TRUE(*exists(machine.disk, machine.product.root / "versions/1.0.0"));
  EXPECT_NE(machine.record().find("1.0.0"), nullptr) << "and it is known, so that recovery leaves it alone, too";
  machine.runner.used.clear();
  machine.runner.does_not_tell_use = Error{ErrorKind::busy, "look", "too many processes"};
  ASSERT_TRUE(machine.install(four));
  EXPECT_TRUE(*exists(machine.disk, machine.product.root / "versions/1.0.0")) << "it may be in use";
  machine.runner.does_not_tell_use.reset();
  machine.clock.advance(std::chrono::hours(48));
  ASSERT_TRUE(machine.install(five));
  EXPECT_FALSE(*exists(machine.disk, machine.product.root / "versions/1.0.0"));
  EXPECT_EQ(machine.record().find("1.0.0"), nullptr);
}

}  // namespace
}  // namespace upswarm::installer
