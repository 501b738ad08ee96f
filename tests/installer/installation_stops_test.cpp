// Promise 3: whatever operation the machine dies at, or that fails, it is on exactly one whole release afterwards.
#include <array>
#include <span>

#include "tests/installer/installation_fixture.hpp"
#include "tests/support/disk_model.hpp"

namespace upswarm::installer {
namespace {

/// With a file that no package needs to bring twice.
tests::TreeFiles with_large(tests::TreeFiles files) {
  for (int i = 0; i < 8'000; ++i) files["share/large"] += std::to_string(i * i);
  return files;
}

/// More than are synced one by one.
tests::TreeFiles with_many(tests::TreeFiles files) {
  for (int i = 0; i < 70; ++i) files["share/many/" + std::to_string(i)] = std::to_string(i * i);
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
  kept_bad_health,
  many_files,
  retention,
  clones,
  sparse_clones,
  links
};

/// One way, in one layout.
struct Case {
  Case(Way what, const char* where = trust::kVersionedLayout) : way(what), layout(where) {}  // NOLINT(*-explicit-*)
  operator Way() const { return way; }                                                       // NOLINT(*-explicit-*)
  Way way;
  std::string layout;
};

/// What a power cut leaves of what was not synced: each is tried at each operation.
struct Left {
  tests::DiskModel::Unsynced what;
  std::uint32_t seed = 0;
};
constexpr std::array<Left, 7> kLeft{{{tests::DiskModel::Unsynced::everything},
                                     {tests::DiskModel::Unsynced::nothing},
                                     {tests::DiskModel::Unsynced::names},
                                     {tests::DiskModel::Unsynced::content},
                                     {tests::DiskModel::Unsynced::some, 1'000},
                                     {tests::DiskModel::Unsynced::some, 2'000},
                                     {tests::DiskModel::Unsynced::some, 3'000}}};

class StopsTest : public testing::TestWithParam<Case> {
 protected:
  StopsTest() {
    two.entry.services = {"web"};
    one.entry.services = {"web"};
    for (auto* const release : {&one, &two, &three, &many}) set_layout(*release, GetParam().layout);
  }

  static inline const Path kFolder = "/machine";

  /// A machine on release one (or on nothing, for Way::first; or on two above one, to go back from), made once.
  void SetUp() override {
    TestMachine machine(kFolder, before);
    prepare_layout(machine);
    if (is_in_place()) {
      for (const auto* const path : {"notes", "share/mine", kInTheWay}) write_own(path);
    }
    if (GetParam() != Way::first) {
      ASSERT_TRUE(machine.install(one));
    }
    if (has_two()) {
      ASSERT_TRUE(machine.install(two));
    }
    before.set_clones(GetParam() == Way::clones || GetParam() == Way::sparse_clones);
    ASSERT_TRUE(before.sync_as_one(kFolder)) << "that was long ago";
  }

  static bool is_in_place() { return GetParam().layout == trust::kInPlaceLayout; }
  static void prepare_layout(TestMachine& machine) {
    machine.layout = GetParam().layout;
    machine.product.hard_links = GetParam() == Way::links;
    machine.others = {};
    if (is_in_place()) machine.others = {"notes", "share/mine"};
  }

  /// What belongs to no release; of one file the name comes with release two.
  static constexpr const char* kInTheWay = "share/new";
  static inline const std::string kOwn = "somebody's own";
  void write_own(const char* path) {
    const auto file = kFolder / "root" / path;
    ASSERT_TRUE(make_folders(before, file.parent_path()));
    auto made = before.create(file, 0644);
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->write(as_bytes(kOwn)));
  }
  void expect_own_is_left(TestMachine& machine, const std::string& current) {
    for (const auto* const path : {"notes", "share/mine"}) {
      EXPECT_EQ(read_file(machine.disk, machine.product.root / path, 1_MiB).value_or("nothing"), kOwn) << path;
    }
    const bool is_free = current.empty() || current == "1.0.0";
    const auto at = is_free ? Path(kInTheWay) : Path(".upswarm/aside") / sha256(std::string_view(kInTheWay)).hex();
    EXPECT_EQ(read_file(machine.disk, machine.product.root / at, 1_MiB).value_or("nothing"), kOwn) << at;
  }

  static void prepare(TestMachine& machine) {
    prepare_layout(machine);
    const auto fails = [&](const char* health) {
      machine.runner.failures[health] = Error{ErrorKind::invalid, "health", "bad"};
    };
    if (GetParam() == Way::bad_health || GetParam() == Way::sparse_bad_health) fails("health 2.0.0");
    if (GetParam() == Way::chain_bad_health) fails("health 3.0.0");
    if (GetParam() == Way::kept_bad_health) fails("health 1.0.0");
    if (GetParam() == Way::retention) machine.clock.advance(std::chrono::hours(48));
  }

  static bool blames() {
    return GetParam() == Way::bad_health || GetParam() == Way::chain_bad_health || GetParam() == Way::kept_bad_health ||
           GetParam() == Way::sparse_bad_health;
  }
  /// Whether the machine runs release two, above one.
  static bool has_two() { return GetParam() == Way::rollback || GetParam() == Way::retention || is_kept(); }
  static std::string before_it() { return GetParam() == Way::first ? "" : has_two() ? "2.0.0" : "1.0.0"; }
  static bool is_kept() { return GetParam() == Way::kept || GetParam() == Way::kept_bad_health; }

  Result<messages::Outcome> act(TestMachine& machine) {
    switch (GetParam()) {
      case Way::rollback: return machine.installation().roll_back("1.0.0", {}, {});
      case Way::sparse:
      case Way::sparse_clones:
      case Way::sparse_bad_health: return machine.install_sparse(two);
      case Way::clones:
      case Way::links:
      case Way::delta: return machine.install(two, "1.0.0");
      case Way::chain:
      case Way::chain_bad_health: return machine.install_chain({&two, &three});
      case Way::kept:
      case Way::kept_bad_health: return machine.installation().install_kept(one.entry, {}, {});
      case Way::many_files: return machine.install(many);
      case Way::retention: return machine.install(three, "2.0.0");
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
      if (is_in_place() && current == "1.0.0") machine.others.insert(kInTheWay);
      machine.expect_runs(release(current));
    }
    if (is_in_place()) expect_own_is_left(machine, current);
    if (GetParam().layout == trust::kForeignLayout) expect_is_what_is_said(machine, record);
    expect_gone(machine, std::array{"root/versions/.removing", "root/.current.new"});
    expect_gone(machine, std::array{"root/.upswarm/versions/.removing", "root/.upswarm/.current.new"});
    const bool is_unfinished = current == before_it() && !is_kept();
    if (!is_unfinished) expect_gone(machine, kUnfinished);
    EXPECT_TRUE(record.quarantine.empty()) << record.quarantine.front().reason;
    EXPECT_TRUE(machine.disk.list(machine.state / "incoming")->empty());
    // What was kept to go back to is still whole, too.
    if (is_kept() || GetParam() == Way::rollback) {
      const auto presence = machine.installation().present({one.entry.content, two.entry.content}, {});
      ASSERT_TRUE(presence);
      EXPECT_EQ(presence->present.size(), 2U);
    }
  }

  /// What another installer left half done is called neither completed nor rolled back.
  static void expect_is_what_is_said(TestMachine& machine, const ProductRecord& record) {
    const bool is_failed = record.outcomes.empty() || record.outcomes.back().result == "failed";
    if (record.current.empty() && is_failed) return;
    EXPECT_EQ(machine.installed(), record.current);
    EXPECT_EQ(machine.unpacked(), record.current) << "half of another one is there";
  }

  const tests::MadeRelease& release(const std::string& version) const {
    for (const auto* const one_of : {&one, &two, &three})
      if (one_of->entry.version == version) return *one_of;
    return many;
  }

  static constexpr std::array<const char*, 6> kUnfinished{
      "root/versions/.staging",          "root/versions/.between",          "state/trees/app.between",
      "root/.upswarm/versions/.staging", "root/.upswarm/versions/.between", "root/.upswarm/.placing"};
  /// The power goes at every operation of recovery, too. How often that was.
  std::size_t recover_with_stops(const tests::DiskModel& found, const Left& left) {
    std::size_t n = 1;
    for (bool reached = true; reached && !HasFailure(); n += tests::kStride) {
      SCOPED_TRACE("recovery " + std::to_string(n));
      tests::DiskModel disk(found);
      {
        TestMachine machine(kFolder, disk);
        prepare(machine);
        machine.files.stop_at(n);
        ignore_failure(machine.installation().settle({}), "it may be stopped");
        ignore_failure(machine.installation().recover({}, {}), "it may be stopped");
        reached = machine.files.was_reached();
      }
      disk.cut_power(left.what, left.seed + static_cast<std::uint32_t>(n));
      TestMachine machine(kFolder, disk);
      prepare(machine);
      const auto recovered = machine.installation().recover({}, {});
      EXPECT_TRUE(recovered) << recovered.error().message();
      expect_whole(machine, n);
    }
    return (n - 1) / tests::kStride;
  }

  /// Reads, too. No release is blamed for it.
  void fail_everywhere(ErrorKind kind) {
    for (std::size_t n = 1;; n += tests::kStride) {
      tests::DiskModel disk(before);
      TestMachine machine(kFolder, disk);
      prepare(machine);
      machine.files.stop_at(n, tests::StoppingFiles::Mode::fail_any, kind);
      ignore_failure(act(machine), "it may fail");
      const bool reached = machine.files.was_reached();
      machine.files.stop_at({});
      const auto recovered = machine.installation().recover({}, {});
      ASSERT_TRUE(recovered) << "operation " << n << ": " << recovered.error().message();
      expect_whole(machine, n);
      if (!blames() && GetParam() != Way::rollback) {
        EXPECT_TRUE(machine.record().bad.empty()) << "operation " << n << ": " << machine.record().bad.front().reason;
      }
      // What recovery has ended with is on disk, also where it found everything in its place already.
      disk.cut_power(kLeft.front().what, kLeft.front().seed);
      TestMachine again(kFolder, disk);
      prepare(again);
      ASSERT_TRUE(again.installation().recover({}, {}));
      expect_whole(again, n);
      if (HasFailure() || !reached) return;
    }
  }

  static void expect_gone(TestMachine& machine, std::span<const char* const> names) {
    for (const auto* const name : names) EXPECT_FALSE(*exists(machine.disk, kFolder / name)) << name;
  }

  /// How many files of the tree that is being made are whole in staging.
  std::size_t whole_in_staging(TestMachine& machine) const {
    const auto staging = make_layout(machine.layout, machine.disk, machine.product.root)->staging();
    if (!*exists(machine.disk, staging)) return 0;
    const auto found = package::scan_tree(machine.disk, staging);
    const auto wanted = package::scan_tree(system_files(), two.tree);
    return static_cast<std::size_t>(std::ranges::count_if(found->entries, [&](const auto& entry) {
      const auto* const right = wanted->find(entry.path);
      return entry.type == FileType::regular && right != nullptr && *right == entry;
    }));
  }

  tests::DiskModel before;
  tests::TemporaryFolder packages;
  tests::MadeRelease one = tests::make_release(packages, "1.0.0", 1, with_large(tests::first_tree()));
  tests::MadeRelease two = tests::make_release(packages, "2.0.0", 2, with_large(tests::second_tree()), &one);
  tests::MadeRelease three = tests::make_release(packages, "3.0.0", 3, with_large(tests::third_tree()), &two);
  tests::MadeRelease many = tests::make_release(packages, "4.0.0", 4, with_many(tests::second_tree()));
};

TEST_P(StopsTest, ThePowerGoesAtEveryOperation) {
  std::size_t cuts = 0;
  for (std::size_t n = 1;; n += tests::kStride) {
    tests::DiskModel running(before);
    TestMachine machine(kFolder, running);
    prepare(machine);
    machine.files.stop_at(n);
    const auto outcome = act(machine);
    for (const auto& left : kLeft) {
      ++cuts;
      SCOPED_TRACE("left " + std::to_string(&left - kLeft.data()));
      tests::DiskModel disk(running);
      disk.cut_power(left.what, left.seed + static_cast<std::uint32_t>(n));
      TestMachine again(kFolder, disk);
      prepare(again);
      ASSERT_TRUE(again.installation().settle({})) << "operation " << n;
      const auto recovered = again.installation().recover({}, {});
      ASSERT_TRUE(recovered) << "operation " << n << ": " << recovered.error().message();
      expect_whole(again, n);
      if (HasFailure()) return;
    }
    if (machine.files.was_reached()) continue;
    EXPECT_TRUE(outcome) << outcome.error().message();
    break;
  }
  RecordProperty("cuts", static_cast<int>(cuts));
  EXPECT_GT(cuts * tests::kStride, 10 * kLeft.size());
}

/// The ways that unpack something and end well.
class NextTryTest : public StopsTest {};

TEST_P(NextTryTest, GoesOnFromWhatIsWhole) {
  std::size_t all = 0;
  {
    tests::DiskModel disk(before);
    TestMachine machine(kFolder, disk);
    ASSERT_TRUE(act(machine));
    all = machine.files.operations();
  }
  std::size_t went_on = 0;
  for (std::size_t n = 1; n <= all; n += tests::kStride) {
    SCOPED_TRACE("operation " + std::to_string(n));
    tests::DiskModel stopped(before);
    {
      TestMachine machine(kFolder, stopped);
      prepare_layout(machine);
      machine.files.stop_at(n);
      ignore_failure(act(machine), "it was stopped");
    }
    for (const auto& left : {kLeft[0], kLeft[2], kLeft[4]}) {
      tests::DiskModel disk(stopped);
      disk.cut_power(left.what, left.seed + static_cast<std::uint32_t>(n));
      TestMachine machine(kFolder, disk);
      prepare_layout(machine);
      ASSERT_TRUE(machine.installation().recover({}, {}));
      if (machine.current() != before_it()) continue;
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
  }
  EXPECT_GT(went_on * tests::kStride, 5U);
}

TEST_P(StopsTest, ThePowerGoesAgainDuringRecovery) {
  std::size_t all = 0;
  {
    tests::DiskModel disk(before);
    TestMachine machine(kFolder, disk);
    prepare(machine);
    machine.files.stop_at({});
    ASSERT_TRUE(act(machine));
    all = machine.files.operations();
  }
  std::size_t cuts = 0;
  for (const auto eighths : {2U, 4U, 5U, 6U, 7U}) {
    tests::DiskModel stopped(before);
    {
      TestMachine machine(kFolder, stopped);
      prepare(machine);
      machine.files.stop_at(all * eighths / 8);
      ignore_failure(act(machine), "it was stopped");
    }
    for (const auto& left : kLeft) {
      tests::DiskModel found(stopped);
      found.cut_power(left.what, left.seed);
      cuts += recover_with_stops(found, left);
      if (HasFailure()) return;
    }
  }
  RecordProperty("cuts", static_cast<int>(cuts));
  EXPECT_GT(cuts, kLeft.size());
}

TEST_P(StopsTest, EveryOperationFailsOnceForWantOfSpace) { fail_everywhere(ErrorKind::no_space); }
TEST_P(StopsTest, EveryOperationFailsOnceByTheDisk) { fail_everywhere(ErrorKind::disk); }
TEST_P(StopsTest, EveryOperationFailsOnceForWantOfRights) { fail_everywhere(ErrorKind::denied); }
TEST_P(StopsTest, EveryOperationFailsOnceWhileSomebodyHoldsTheFile) { fail_everywhere(ErrorKind::busy); }

std::string name_of(const testing::TestParamInfo<Case>& one) {
  switch (one.param.way) {
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
    case Way::many_files: return "ManyFiles";
    case Way::retention: return "Retention";
    case Way::clones: return "Clones";
    case Way::sparse_clones: return "SparseClones";
    case Way::links: return "Links";
  }
  return "Unknown";
}

/// All ways, in one layout.
std::vector<Case> in_layout(const char* layout) {
  std::vector<Case> all;
  for (auto way = static_cast<int>(Way::sparse); way <= static_cast<int>(Way::sparse_clones); ++way)
    all.emplace_back(static_cast<Way>(way), layout);
  if (layout == trust::kVersionedLayout) all.emplace_back(Way::links, layout);
  return all;
}
std::vector<Case> going_on_in_layout(const char* layout) {
  std::vector<Case> all = {{Way::sparse, layout}, {Way::full, layout},  {Way::delta, layout},
                           {Way::first, layout},  {Way::chain, layout}, {Way::clones, layout}};
  if (layout == trust::kVersionedLayout) all.emplace_back(Way::links, layout);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Ways, StopsTest, testing::ValuesIn(in_layout(trust::kVersionedLayout)), name_of);
INSTANTIATE_TEST_SUITE_P(InPlace, StopsTest, testing::ValuesIn(in_layout(trust::kInPlaceLayout)), name_of);
INSTANTIATE_TEST_SUITE_P(Foreign, StopsTest, testing::ValuesIn(in_layout(trust::kForeignLayout)), name_of);
INSTANTIATE_TEST_SUITE_P(Ways, NextTryTest, testing::ValuesIn(going_on_in_layout(trust::kVersionedLayout)), name_of);
INSTANTIATE_TEST_SUITE_P(InPlace, NextTryTest, testing::ValuesIn(going_on_in_layout(trust::kInPlaceLayout)), name_of);

}  // namespace
}  // namespace upswarm::installer
