// Promise 3: whatever operation the machine dies at, or that fails, it is on exactly one whole release afterwards.
#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

enum class Way { full, delta, bad_health, rollback, first };

class StopsTest : public testing::TestWithParam<Way> {
 protected:
  StopsTest() {
    two.entry.services = {"web"};
    one.entry.services = {"web"};
  }

  /// A machine on release one (or on nothing, for Way::first; or on two above one, for Way::rollback).
  void prepare(TestMachine& machine) {
    if (GetParam() == Way::first) return;
    ASSERT_TRUE(machine.install(one));
    if (GetParam() == Way::rollback) {
      ASSERT_TRUE(machine.install(two));
    }
    if (GetParam() == Way::bad_health)
      machine.runner.failures["health 2.0.0"] = Error{ErrorKind::invalid, "health", "bad"};
  }

  Result<messages::Outcome> act(TestMachine& machine) {
    switch (GetParam()) {
      case Way::rollback: return machine.installation().roll_back("1.0.0", {}, {});
      case Way::delta: return machine.install(two, "1.0.0");
      default: return machine.install(two);
    }
  }

  /// `current` is a whole release that the record names, nothing is under way, and nothing is left behind.
  void expect_whole(TestMachine& machine, std::size_t n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    const auto record = machine.record();
    EXPECT_FALSE(record.journal);
    const auto current = machine.current();
    EXPECT_EQ(record.current, current);
    if (current.empty()) {
      EXPECT_EQ(GetParam(), Way::first);
    } else {
      machine.expect_runs(current == "1.0.0" ? one : two);
    }
    for (const char* name : {"versions/.staging", "versions/.removing", ".current.new"}) {
      EXPECT_FALSE(std::filesystem::exists(machine.product.root / name)) << name;
    }
  }

  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, tests::first_tree());
  tests::MadeRelease two = tests::make_release(packages, "2.0.0", 2, tests::second_tree(), &one);
};

TEST_P(StopsTest, ThePowerGoesAtEveryOperation) {
  std::size_t n = 1;
  for (bool reached = true; reached; ++n) {
    const tests::TemporaryFolder folder;
    TestMachine machine(folder.path());
    prepare(machine);
    machine.files.stop_at(n);
    const auto outcome = act(machine);
    reached = machine.files.was_reached();
    machine.files.stop_at({});
    const auto recovered = machine.installation().recover({}, {});
    ASSERT_TRUE(recovered) << "operation " << n << ": " << recovered.error().message();
    expect_whole(machine, n);
    if (HasFailure()) return;
    if (!reached) {
      EXPECT_TRUE(outcome) << outcome.error().message();
    }
  }
  RecordProperty("stops", static_cast<int>(n - 2));
  EXPECT_GT(n, 10U);
}

TEST_P(StopsTest, ThePowerGoesAgainDuringRecovery) {
  std::size_t first = 0;
  {
    const tests::TemporaryFolder folder;
    TestMachine machine(folder.path());
    prepare(machine);
    machine.files.stop_at({});
    ASSERT_TRUE(act(machine));
    first = machine.files.operations() * 3 / 4;  // in the middle of the switch, for most ways
  }
  for (std::size_t n = 1;; ++n) {
    const tests::TemporaryFolder folder;
    TestMachine machine(folder.path());
    prepare(machine);
    machine.files.stop_at(first);
    ignore_failure(act(machine), "it was stopped");
    machine.files.stop_at(n);
    ignore_failure(machine.installation().recover({}, {}), "it may be stopped");
    const bool reached = machine.files.was_reached();
    machine.files.stop_at({});
    const auto recovered = machine.installation().recover({}, {});
    ASSERT_TRUE(recovered) << "operation " << n << ": " << recovered.error().message();
    expect_whole(machine, n);
    if (HasFailure() || !reached) return;
  }
}

TEST_P(StopsTest, EveryOperationFailsOnceForWantOfSpace) {
  for (std::size_t n = 1;; ++n) {
    const tests::TemporaryFolder folder;
    TestMachine machine(folder.path());
    prepare(machine);
    machine.files.stop_at(n, tests::StoppingFiles::Mode::fail, ErrorKind::no_space);
    ignore_failure(act(machine), "it may fail");
    const bool reached = machine.files.was_reached();
    machine.files.stop_at({});
    const auto recovered = machine.installation().recover({}, {});
    ASSERT_TRUE(recovered) << "operation " << n << ": " << recovered.error().message();
    expect_whole(machine, n);
    if (GetParam() != Way::bad_health && GetParam() != Way::rollback) {
      EXPECT_TRUE(machine.record().bad.empty()) << "operation " << n;
    }
    if (HasFailure() || !reached) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, StopsTest,
                         testing::Values(Way::full, Way::delta, Way::bad_health, Way::rollback, Way::first),
                         [](const auto& way) {
                           switch (way.param) {
                             case Way::full: return "Full";
                             case Way::delta: return "Delta";
                             case Way::bad_health: return "BadHealth";
                             case Way::rollback: return "Rollback";
                             case Way::first: return "First";
                           }
                           return "Unknown";
                         });

}  // namespace
}  // namespace upswarm::installer
