// A repair that dies, or fails, at any operation leaves less damage, and never more; services run again.
#include <array>

#include "tests/installer/damaged_tree.hpp"
#include "tests/support/disk_model.hpp"

namespace upswarm::installer {
namespace {

using Unsynced = tests::DiskModel::Unsynced;

struct Left {
  Unsynced what;
  std::uint32_t seed = 0;
};
constexpr std::array<Left, 6> kLeft{{{Unsynced::everything},
                                     {Unsynced::nothing},
                                     {Unsynced::names},
                                     {Unsynced::content},
                                     {Unsynced::some, 1'000},
                                     {Unsynced::some, 2'000}}};

class RepairStopsTest : public testing::TestWithParam<bool> {
 protected:
  static inline const Path kFolder = "/machine";

  /// Damaged in every way; with the parameter, `current` is gone, too.
  void SetUp() override {
    one.entry.services = {"web"};
    TestMachine machine(kFolder, before);
    ASSERT_TRUE(machine.install(one));
    damage_tree(before, tree(machine));
    if (GetParam()) {
      ASSERT_TRUE(before.remove_file(machine.product.root / "current"));
    }
    auto record = machine.record();
    record.mark_damaged("asked for", true, true, machine.clock.now());
    ASSERT_TRUE(RecordStore(before, machine.state / "products").save(record));
    ASSERT_TRUE(before.sync_as_one(kFolder));
    damaged = contents(machine);
    TestMachine intact("/intact", before);
    ASSERT_TRUE(intact.install(one));
    right = contents(intact);
  }

  static Path tree(const TestMachine& machine) { return machine.product.root / "versions/1.0.0"; }

  /// By path: what it is, in words that are equal for equal things. What is not there has none.
  static std::map<std::string, std::string> contents(TestMachine& machine) {
    std::map<std::string, std::string> all;
    const auto scanned = package::scan_tree(machine.disk, tree(machine));
    EXPECT_TRUE(scanned);
    for (const auto& entry : scanned->entries) {
      const auto info = machine.disk.info(tree(machine) / std::string(entry.path));
      all[std::string(entry.path)] =
          entry.digest.hex() + " " + std::to_string(static_cast<int>(entry.type)) + " " + std::to_string(info->mode);
    }
    return all;
  }

  /// Each path is what it was or what it should be. Where a folder is in the way, nothing for a moment.
  void expect_no_worse(TestMachine& machine) {
    const auto now = contents(machine);
    const auto of = [](const auto& map, const std::string& path) {
      const auto found = map.find(path);
      return found == map.end() ? std::string("nothing") : found->second;
    };
    std::set<std::string> paths;
    for (const auto* const map :
         std::initializer_list<const std::map<std::string, std::string>*>{&now, &damaged, &right})
      for (const auto& [path, what] : *map) paths.insert(path);
    for (const auto& path : paths) {
      const auto what = of(now, path);
      const bool is_in_the_way = path == "share/same" && what == "nothing";
      EXPECT_TRUE(what == of(damaged, path) || what == of(right, path) || is_in_the_way) << path << ": " << what;
    }
  }

  static bool are_services_left_down(const std::vector<std::string>& calls) {
    return !calls.empty() && calls.back() == "stop web";
  }

  void expect_mended(TestMachine& machine) {
    const auto repaired = machine.repair(one);
    ASSERT_TRUE(repaired) << repaired.error().message();
    EXPECT_EQ(*repaired ? (*repaired)->result : "", "completed") << (*repaired ? (*repaired)->reason : "");
    machine.expect_runs(one);
    EXPECT_EQ(contents(machine), right);
    EXPECT_TRUE(machine.record().bad.empty());
    EXPECT_TRUE(machine.record().quarantine.empty());
  }

  /// The power goes at each operation of `act`; what is found then is recovered, and mended by the next try.
  template <typename Act>
  std::size_t cut_everywhere(const tests::DiskModel& from, const Act& act) {
    std::size_t cuts = 0;
    for (std::size_t n = 1;; n += tests::kStride) {
      tests::DiskModel running(from);
      TestMachine machine(kFolder, running);
      machine.files.stop_at(n);
      act(machine);
      for (const auto& left : kLeft) {
        ++cuts;
        SCOPED_TRACE("operation " + std::to_string(n) + ", left " + std::to_string(&left - kLeft.data()));
        tests::DiskModel disk(running);
        disk.cut_power(left.what, left.seed + static_cast<std::uint32_t>(n));
        TestMachine again(kFolder, disk);
        again.runner.calls = machine.runner.calls;
        expect_no_worse(again);
        const auto recovered = again.installation().recover({}, {});
        EXPECT_TRUE(recovered) << recovered.error().message();
        expect_no_worse(again);
        EXPECT_FALSE(again.record().journal);
        EXPECT_FALSE(are_services_left_down(again.runner.calls));
        if (!HasFailure()) expect_mended(again);
        if (HasFailure()) return cuts;
      }
      if (!machine.files.was_reached()) return cuts;
    }
  }

  void fail_everywhere(ErrorKind kind) {
    for (std::size_t n = 1;; n += tests::kStride) {
      SCOPED_TRACE("operation " + std::to_string(n));
      tests::DiskModel disk(before);
      TestMachine machine(kFolder, disk);
      machine.files.stop_at(n, tests::StoppingFiles::Mode::fail_any, kind);
      ignore_failure(machine.repair(one), "it may fail");
      const bool reached = machine.files.was_reached();
      machine.files.stop_at({});
      const auto recovered = machine.installation().recover({}, {});
      ASSERT_TRUE(recovered) << recovered.error().message();
      EXPECT_FALSE(are_services_left_down(machine.runner.calls));
      expect_no_worse(machine);
      expect_mended(machine);
      if (HasFailure() || !reached) return;
    }
  }

  tests::DiskModel before;
  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, tree_to_damage());
  std::map<std::string, std::string> damaged;
  std::map<std::string, std::string> right;
};

TEST_P(RepairStopsTest, ThePowerGoesAtEveryOperation) {
  const auto cuts =
      cut_everywhere(before, [this](TestMachine& machine) { ignore_failure(machine.repair(one), "the power may go"); });
  RecordProperty("cuts", static_cast<int>(cuts));
  EXPECT_GT(cuts * tests::kStride, 20 * kLeft.size());
}

TEST_P(RepairStopsTest, ThePowerGoesAgainDuringRecovery) {
  std::size_t all = 0;
  {
    tests::DiskModel disk(before);
    TestMachine machine(kFolder, disk);
    ASSERT_TRUE(machine.repair(one));
    all = machine.files.operations();
  }
  std::size_t cuts = 0;
  for (const auto eighths : {3U, 5U, 6U, 7U}) {
    tests::DiskModel stopped(before);
    {
      TestMachine machine(kFolder, stopped);
      machine.files.stop_at(all * eighths / 8);
      ignore_failure(machine.repair(one), "it was stopped");
    }
    for (const auto& left : kLeft) {
      tests::DiskModel found(stopped);
      found.cut_power(left.what, left.seed);
      cuts += cut_everywhere(found, [](TestMachine& machine) {
        ignore_failure(machine.installation().recover({}, {}), "the power may go");
      });
      if (HasFailure()) return;
    }
  }
  RecordProperty("cuts", static_cast<int>(cuts));
}

TEST_P(RepairStopsTest, EveryOperationFailsOnceForWantOfSpace) { fail_everywhere(ErrorKind::no_space); }
TEST_P(RepairStopsTest, EveryOperationFailsOnceByTheDisk) { fail_everywhere(ErrorKind::disk); }
TEST_P(RepairStopsTest, EveryOperationFailsOnceForWantOfRights) { fail_everywhere(ErrorKind::denied); }
TEST_P(RepairStopsTest, EveryOperationFailsOnceWhileSomebodyHoldsTheFile) { fail_everywhere(ErrorKind::busy); }

INSTANTIATE_TEST_SUITE_P(Damage, RepairStopsTest, testing::Bool(),
                         [](const auto& is_link_gone) { return is_link_gone.param ? "TreeAndLink" : "Tree"; });

}  // namespace
}  // namespace upswarm::installer
