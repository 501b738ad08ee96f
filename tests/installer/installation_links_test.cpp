// Files that two releases share by a second name: docs/decisions/0017.
#include "installer/installation.hpp"
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

class InstallationLinksTest : public testing::Test {
 protected:
  InstallationLinksTest() { machine.product.hard_links = true; }

  /// How many names `file` of `version` has; 0: it is not there.
  std::uint64_t names(const char* version, const char* file) {
    const auto info = machine.disk.info(machine.product.root / "versions" / version / file);
    return info ? info->link_count : 0;
  }

  tests::TemporaryFolder folder;
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tests::second_tree(), &one);
  tests::MadeRelease three = tests::make_release(folder, "3.0.0", 3, tests::third_tree(), &two);
  TestMachine machine{folder.path()};
};

TEST_F(InstallationLinksTest, WhatADeltaLeavesAsItWasIsASecondName) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  machine.expect_runs(two);
  EXPECT_EQ(names("2.0.0", "share/same"), 2U);
  EXPECT_EQ(names("2.0.0", "doc/there/here"), 2U) << "it moved";
  EXPECT_EQ(names("2.0.0", "bin/app"), 1U) << "it changed";
  EXPECT_EQ(names("1.0.0", "bin/app"), 1U);
}

TEST_F(InstallationLinksTest, AReleaseThatGoesLeavesTheOtherWhole) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  machine.clock.advance(std::chrono::hours(48));
  ASSERT_TRUE(machine.install(three, "2.0.0"));
  machine.expect_runs(three);
  EXPECT_EQ(names("1.0.0", "share/same"), 0U);
  EXPECT_EQ(names("3.0.0", "share/same"), 2U);
  ASSERT_TRUE(machine.installation().roll_back("2.0.0", {}, {}));
  machine.expect_runs(two);
}

TEST_F(InstallationLinksTest, AChainLinksThroughTheTreesBetween) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install_chain({&two, &three}));
  machine.expect_runs(three);
  EXPECT_EQ(names("3.0.0", "share/same"), 2U);
}

TEST_F(InstallationLinksTest, NobodyElseHasThem) {
  machine.product.hard_links = false;
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  EXPECT_EQ(names("2.0.0", "share/same"), 1U);
}

TEST_F(InstallationLinksTest, WhatRunsAsRootForEitherReleaseForbidsThem) {
  const auto command_of = [](const char* account) { return trust::Command{.argv = {"bin/app"}, .run_as = account}; };
  const auto names_after = [this](const char* name, const auto& change) {
    TestMachine other(folder.path() / name);
    other.product.hard_links = true;
    auto from = one;
    auto to = two;
    change(from.entry, to.entry);
    EXPECT_TRUE(other.install(from)) << name;
    EXPECT_TRUE(other.install(to, "1.0.0")) << name;
    const auto info = other.disk.info(other.product.root / "versions/2.0.0/share/same");
    return info ? info->link_count : 0;
  };
  EXPECT_EQ(names_after("before", [&](auto& from, auto&) { from.hooks.before = command_of(""); }), 1U);
  EXPECT_EQ(names_after("after", [&](auto&, auto& to) { to.hooks.after = command_of("root"); }), 1U);
  EXPECT_EQ(names_after("rollback", [&](auto& from, auto&) { from.hooks.rollback = command_of("0"); }), 1U);
  EXPECT_EQ(names_after("health",
                        [&](auto&, auto& to) {
                          to.health.kind = trust::HealthCheck::Kind::command;
                          to.health.command = command_of("");
                        }),
            1U);
  EXPECT_EQ(names_after("nobody",
                        [&](auto& from, auto& to) {
                          from.hooks.before = command_of("nobody");
                          to.hooks.after = command_of("nobody");
                        }),
            2U);
}

TEST_F(InstallationLinksTest, AModeThatSomebodyChangedIsNotCarriedOn) {
  ASSERT_TRUE(machine.install(one));
  ASSERT_TRUE(machine.disk.set_mode(machine.product.root / "versions/1.0.0/share/same", 0666));
  ASSERT_TRUE(machine.install(two, "1.0.0"));
  EXPECT_EQ(names("2.0.0", "share/same"), 1U);
  machine.expect_runs(two);
}

TEST_F(InstallationLinksTest, AnAlteredFileIsNoticed) {
  ASSERT_TRUE(machine.install(one));
  std::ofstream(machine.product.root / "versions/1.0.0/share/same") << "never Changes";
  const auto outcome = machine.install(two, "1.0.0");
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_EQ(machine.current(), "1.0.0");
  EXPECT_NE(outcome->reason.find("damaged"), std::string::npos) << outcome->reason;
}

}  // namespace
}  // namespace upswarm::installer
