// Promise 3: whatever operation the machine dies at, or that fails, it is on exactly one whole release afterwards.
#include <array>
#include <span>

#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {
namespace {

/// With a file that no package needs to bring twice.
tests::TreeFiles with_large(tests::TreeFiles files) {
  for (int i = 0; i < 40'000; ++i) files["share/large"] += std::to_string(i * i);
  return files;
}

enum class Way {
  sparse,
  sparse_bad_health,
  full,
  delta,
  bad_health,
  rollback,
  first,
  chain,
  chain_bad_health,
  kept,
  kept_bad_health
};

class StopsTest : public testing::TestWithParam<Way> {
 protected:
  StopsTest() {
    two.entry.services = {"web"};
    one.entry.services = {"web"};
  }

  /// A machine on release one (or on nothing, for Way::first; or on two above one, to go back from), made once.
  void SetUp() override {
    TestMachine machine(before.path());
    if (GetParam() == Way::first) return;
    ASSERT_TRUE(machine.install(one));
    if (GetParam() == Way::rollback || is_kept()) {
      ASSERT_TRUE(machine.install(two));
    }
  }

  /// That machine, in `folder`.
  void prepare(const tests::TemporaryFolder& folder) const {
    constexpr auto kAll = std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks |
                          std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy(before.path(), folder.path(), kAll);
  }

  static void prepare(TestMachine& machine) {
    const auto fails = [&](const char* health) {
      machine.runner.failures[health] = Error{ErrorKind::invalid, "health", "bad"};
    };
    if (GetParam() == Way::bad_health || GetParam() == Way::sparse_bad_health) fails("health 2.0.0");
    if (GetParam() == Way::chain_bad_health) fails("health 3.0.0");
    if (GetParam() == Way::kept_bad_health) fails("health 1.0.0");
  }

  static bool blames() {
    return GetParam() == Way::bad_health || GetParam() == Way::chain_bad_health || GetParam() == Way::kept_bad_health ||
           GetParam() == Way::sparse_bad_health;
  }
  static bool is_kept() { return GetParam() == Way::kept || GetParam() == Way::kept_bad_health; }

  Result<messages::Outcome> act(TestMachine& machine) {
    switch (GetParam()) {
      case Way::rollback: return machine.installation().roll_back("1.0.0", {}, {});
      case Way::sparse:
      case Way::sparse_bad_health: return machine.install_sparse(two);
      case Way::delta: return machine.install(two, "1.0.0");
      case Way::chain:
      case Way::chain_bad_health: return machine.install_chain({&two, &three});
      case Way::kept:
      case Way::kept_bad_health: return machine.installation().install_kept(one.entry, {}, {});
      default: return machine.install(two);
    }
  }

  /// `current` is a whole release that the record names, nothing is under way, and nothing is left behind but what the
  /// next try goes on from.
  void expect_whole(TestMachine& machine, std::size_t n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    const auto record = machine.record();
    EXPECT_FALSE(record.journal);
    const auto current = machine.current();
    EXPECT_EQ(record.current, current);
    if (current.empty()) {
      EXPECT_EQ(GetParam(), Way::first);
    } else {
      machine.expect_runs(current == "1.0.0" ? one : current == "2.0.0" ? two : three);
    }
    expect_gone(machine, std::array{"root/versions/.removing", "root/.current.new"});
    const bool is_unfinished = current == (GetParam() == Way::first ? "" : "1.0.0") && !is_kept();
    if (!is_unfinished) expect_gone(machine, kUnfinished);
    EXPECT_TRUE(record.quarantine.empty()) << record.quarantine.front().reason;
    EXPECT_TRUE(std::filesystem::is_empty(machine.state / "incoming"));
    // What was kept to go back to is still whole, too.
    if (is_kept() || GetParam() == Way::rollback) {
      const auto presence = machine.installation().present({one.entry.content, two.entry.content}, {});
      ASSERT_TRUE(presence);
      EXPECT_EQ(presence->present.size(), 2U);
    }
  }

  static constexpr std::array<const char*, 3> kUnfinished{"root/versions/.staging", "root/versions/.between",
                                                          "state/trees/app.between"};
  static void expect_gone(const TestMachine& machine, std::span<const char* const> names) {
    for (const auto* const name : names)
      EXPECT_FALSE(std::filesystem::exists(machine.product.root.parent_path() / name)) << name;
  }

  /// How many files of the tree that is being made are whole in staging.
  std::size_t whole_in_staging(const TestMachine& machine) const {
    const auto staging = machine.product.root / "versions/.staging";
    if (!std::filesystem::exists(staging)) return 0;
    const auto found = package::scan_tree(system_files(), staging);
    const auto wanted = package::scan_tree(system_files(), two.tree);
    return static_cast<std::size_t>(std::ranges::count_if(found->entries, [&](const auto& entry) {
      const auto* const right = wanted->find(entry.path);
      return entry.type == FileType::regular && right != nullptr && *right == entry;
    }));
  }

  tests::TemporaryFolder before;
  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, with_large(tests::first_tree()));
  tests::MadeRelease two = tests::make_release(packages, "2.0.0", 2, with_large(tests::second_tree()), &one);
  tests::MadeRelease three = tests::make_release(packages, "3.0.0", 3, with_large(tests::third_tree()), &two);
};

TEST_P(StopsTest, ThePowerGoesAtEveryOperation) {
  std::size_t n = 1;
  for (bool reached = true; reached; ++n) {
    const tests::TemporaryFolder folder;
    prepare(folder);
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

/// The ways that unpack something and end well.
class NextTryTest : public StopsTest {};

TEST_P(NextTryTest, GoesOnFromWhatIsWhole) {
  std::size_t all = 0;
  {
    const tests::TemporaryFolder folder;
    prepare(folder);
    TestMachine machine(folder.path());
    ASSERT_TRUE(act(machine));
    all = machine.files.operations();
  }
  std::size_t went_on = 0;
  for (std::size_t n = 1; n <= all; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    const tests::TemporaryFolder folder;
    prepare(folder);
    TestMachine machine(folder.path());
    machine.files.stop_at(n);
    ignore_failure(act(machine), "it was stopped");
    machine.files.stop_at({});
    ASSERT_TRUE(machine.installation().recover({}, {}));
    if (machine.current() != (GetParam() == Way::first ? "" : "1.0.0")) continue;
    const auto whole = whole_in_staging(machine);
    machine.files.stop_at({});
    const auto outcome = act(machine);
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->result, "completed") << outcome->reason;
    machine.expect_runs(GetParam() == Way::chain ? three : two);
    expect_gone(machine, kUnfinished);
    if (whole < 2) continue;
    ++went_on;
    EXPECT_LT(machine.files.operations(), all);
  }
  EXPECT_GT(went_on, 5U);
}

TEST_P(StopsTest, ThePowerGoesAgainDuringRecovery) {
  std::size_t first = 0;
  {
    const tests::TemporaryFolder folder;
    prepare(folder);
    TestMachine machine(folder.path());
    prepare(machine);
    machine.files.stop_at({});
    ASSERT_TRUE(act(machine));
    first = machine.files.operations() * 3 / 4;  // in the middle of the switch, for most ways
  }
  for (std::size_t n = 1;; ++n) {
    const tests::TemporaryFolder folder;
    prepare(folder);
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
    prepare(folder);
    TestMachine machine(folder.path());
    prepare(machine);
    machine.files.stop_at(n, tests::StoppingFiles::Mode::fail, ErrorKind::no_space);
    ignore_failure(act(machine), "it may fail");
    const bool reached = machine.files.was_reached();
    machine.files.stop_at({});
    const auto recovered = machine.installation().recover({}, {});
    ASSERT_TRUE(recovered) << "operation " << n << ": " << recovered.error().message();
    expect_whole(machine, n);
    if (!blames() && GetParam() != Way::rollback) {
      EXPECT_TRUE(machine.record().bad.empty()) << "operation " << n;
    }
    if (HasFailure() || !reached) return;
  }
}

std::string name_of(const testing::TestParamInfo<Way>& way) {
  switch (way.param) {
    case Way::sparse: return "Sparse";
    case Way::sparse_bad_health: return "SparseBadHealth";
    case Way::full: return "Full";
    case Way::delta: return "Delta";
    case Way::bad_health: return "BadHealth";
    case Way::rollback: return "Rollback";
    case Way::first: return "First";
    case Way::chain: return "Chain";
    case Way::chain_bad_health: return "ChainBadHealth";
    case Way::kept: return "Kept";
    case Way::kept_bad_health: return "KeptBadHealth";
  }
  return "Unknown";
}

INSTANTIATE_TEST_SUITE_P(Ways, StopsTest,
                         testing::Values(Way::sparse, Way::sparse_bad_health, Way::full, Way::delta, Way::bad_health,
                                         Way::rollback, Way::first, Way::chain, Way::chain_bad_health, Way::kept,
                                         Way::kept_bad_health),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Ways, NextTryTest, testing::Values(Way::sparse, Way::full, Way::delta, Way::first, Way::chain),
                         name_of);

}  // namespace
}  // namespace upswarm::installer
