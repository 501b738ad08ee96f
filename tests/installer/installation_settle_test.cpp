// What `current` names before any service of the machine starts.
#include "tests/installer/installation_fixture.hpp"
#include "tests/support/disk_model.hpp"

namespace upswarm::installer {
namespace {

class SettleTest : public testing::Test {
 protected:
  SettleTest() { two.entry.hooks.after = trust::Command{.argv = {"bin/app"}}; }

  /// The machine goes down at the first change after `call` of the runner, and comes up again.
  void go_down_at(const std::string& call) {
    machine.runner.failures[call] = Error{ErrorKind::disk, call, "the power is gone"};
    machine.runner.on_call = [this, call](const std::string& now) {
      if (now == call) machine.files.stop_at(1);
    };
    EXPECT_FALSE(machine.install(two));
    machine.runner.failures.clear();
    machine.runner.on_call = nullptr;
    machine.runner.calls.clear();
    machine.files.stop_at({});
  }

  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(packages, "2.0.0", 2, tests::second_tree(), &one);
  tests::DiskModel disk;
  TestMachine machine{"/machine", disk};
};

TEST_F(SettleTest, AnInterruptedSwitchIsTakenBackWithoutAnyService) {
  ASSERT_TRUE(machine.install(one));
  go_down_at("hook after");
  EXPECT_EQ(machine.current(), "2.0.0");
  ASSERT_TRUE(machine.installation().settle({}));
  EXPECT_EQ(machine.current(), "1.0.0");
  EXPECT_TRUE(machine.runner.calls.empty());
  EXPECT_TRUE(machine.record().journal) << "the rest is for recover()";
  ASSERT_TRUE(machine.installation().recover({}, {}));
  machine.expect_runs(one);
}

TEST_F(SettleTest, WhatAStopCutShortTheNextStartSettles) {
  machine.layout = trust::kInPlaceLayout;
  for (auto* const release : {&one, &two}) set_layout(*release, machine.layout);
  ASSERT_TRUE(machine.install(one));
  go_down_at("hook after");
  EXPECT_EQ(machine.current(), "2.0.0");
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = machine.installation().settle(stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(machine.current(), "2.0.0");
  ASSERT_TRUE(machine.installation().settle({}));
  EXPECT_EQ(machine.current(), "1.0.0");
  ASSERT_TRUE(machine.installation().recover({}, {}));
  machine.expect_runs(one);
}

TEST_F(SettleTest, AReleaseInProbationStays) {
  ASSERT_TRUE(machine.install(one));
  go_down_at("health 2.0.0");
  ASSERT_TRUE(machine.installation().settle({}));
  EXPECT_EQ(machine.current(), "2.0.0");
}

TEST_F(SettleTest, OfAFirstInstallationNothingIsLeftToStart) {
  go_down_at("hook after");
  ASSERT_TRUE(machine.installation().settle({}));
  EXPECT_EQ(machine.current(), "");
}

TEST_F(SettleTest, WhereNothingIsUnderWayNothingIsTouched) {
  ASSERT_TRUE(machine.installation().settle({})) << "also where nothing was ever installed";
  EXPECT_FALSE(*exists(disk, machine.product.root));
  ASSERT_TRUE(machine.install(one));
  const auto before = machine.files.operations();
  ASSERT_TRUE(machine.installation().settle({}));
  EXPECT_EQ(machine.files.operations(), before);
}

}  // namespace
}  // namespace upswarm::installer
