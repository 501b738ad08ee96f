// A repository with the lives and roles of docs/POUF.md, whose keys a thief may have, and the answer of a machine to
// what it serves.
#pragma once

#include <gtest/gtest.h>

#include "protocol/trust/decision.hpp"
#include "tests/support/repository_simulator.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::tests {

inline constexpr std::chrono::days kRootLife{365};
inline constexpr std::chrono::days kOfflineLife{182};
inline constexpr std::chrono::days kNightlyLife{30};
inline constexpr std::chrono::days kOnlineLife{7};
inline constexpr std::chrono::days kTimestampLife{1};

/// Who holds a key signs with it: `keys` of the simulator is the thief's pocket as well as the owner's.
class StolenKeys : public testing::Test {
 protected:
  /// The index has 1.0.0 and 1.1.0, which is rolled out to nobody yet.
  StolenKeys();

  static trust::Entry make_entry(const std::string& version, const trust::ReleaseCounter& counter);
  /// Puts the index as it stands into rel-app, and the filter into rollout. Signed by sign_offline(), sign_online().
  void put_index();
  void put_filter();
  /// The same for nightly builds; `simulator` must delegate to pre-app. Signed by sign_nightlies().
  void put_nightlies();
  trust::RolloutItem item_of(const trust::Entry& entry, std::int64_t permille) const;

  /// What the release desk does: targets and rel-app with new lives, and all that is below them.
  void sign_offline();
  /// What CI does, and a thief of its key: pre-app with the life that he gives it. What is below it by the seeder.
  void sign_nightlies(std::chrono::seconds life = kNightlyLife);
  /// What the seeder does, and a thief of its keys: rollout, snapshot and timestamp with new lives.
  void sign_online();
  /// The timestamp alone, as it is done hourly.
  void sign_timestamp();

  /// A machine that runs 1.0.0, and remembers what it saw. It follows nightly builds when its facts say so.
  class Machine {
   public:
    Machine(StolenKeys& world, const std::string& name);
    /// "wanted 1.1.0", "current", "held 1.1.0: ..."; "refused: expired" when the metadata is not taken.
    std::string asks();
    trust::MachineFacts facts;

   private:
    Result<trust::Decision> decide();
    StolenKeys& world_;
    trust::TrustStore store_;
  };

  void advance(std::chrono::seconds by) { clock.advance(by); }

  FakeClock clock;
  TemporaryFolder folder;
  RepositorySimulator simulator{clock};
  trust::Index index{.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 1}, .entries = {}};
  trust::Index nightlies{.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {}, .entries = {}};
  std::vector<trust::RolloutItem> filter;
};

}  // namespace upswarm::tests
