#include "installer/trust_gate.hpp"

#include <gtest/gtest.h>

#include "tests/support/repository_simulator.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::tests {
namespace {

using Kind = trust::Decision::Kind;

/// A repository with releases and nightly builds of "app", and a machine that opted in.
class TrustGateNightliesTest : public testing::Test {
 protected:
  TrustGateNightliesTest() {
    simulator_.timestamp.expires = clock_.time + std::chrono::hours(20);
    simulator_.delegate("pre-app", {"pre/app/*/*/*", "preindex/app/*/*"});
    simulator_.delegate("rollout", {"rollout/*/*"}, true);
  }

  static trust::Entry entry(const std::string& version, trust::ReleaseCounter counter, const char* top = "pkg/") {
    trust::Entry made;
    made.counter = counter;
    made.version = version;
    made.content = sha256(version);
    made.full = {.path = top + ("app/linux-x64/" + version + "/app.upk"),
                 .length = 10_B,
                 .sha256 = sha256("package " + version),
                 .info_hash = std::string(40, '0'),
                 .piece_length = 16_KiB};
    made.index_length = 10_B;
    made.index_digest = sha256("index " + version);
    made.salt = "salt";
    return made;
  }
  static std::string index(trust::ReleaseCounter floor, std::vector<trust::Entry> entries) {
    return to_json(trust::Index{"app", "stable", "linux-x64", floor, std::move(entries)}).dump();
  }

  void publish(std::optional<std::string> releases, std::optional<std::string> nightlies,
               const std::vector<trust::Entry>& rolled_out) {
    auto& own = simulator_.delegated.at("rel-app").targets;
    own.clear();
    if (releases) simulator_.add_target("rel-app", "index/app/stable/linux-x64.json", *releases);
    if (nightlies) simulator_.add_target("pre-app", "preindex/app/stable/linux-x64.json", *nightlies);
    trust::Rollout rollout{"app", "stable", "linux-x64", {}};
    for (const auto& one : rolled_out) rollout.items.push_back({one.counter, one.digest(), 1000, false, ""});
    simulator_.add_target("rollout", "rollout/app/stable.linux-x64.json", to_json(rollout).dump());
    simulator_.publish({"targets", "rel-app", "pre-app", "rollout"});
  }

  Result<installer::Judgement> judge(bool opted_in = true, trust::ReleaseCounter installed = {1, 0}) {
    UPSWARM_TRY(auto gate, installer::TrustGate::open(system_files(), folder_ / "trust", clock_));
    UPSWARM_CHECK(gate.place_first_root(simulator_.files.at("metadata/1.root.json")));
    UPSWARM_CHECK(gate.take_in(simulator_.files));
    trust::MachineFacts facts{.machine_id = "m",
                              .installed_version = {},
                              .highest_committed = installed,
                              .installed = {},
                              .accepts_prerelease = opted_in,
                              .bad = {},
                              .now = clock_.now(),
                              .epoch = 1};
    if (installed.n > 0) facts.installed = installed;
    return gate.judge({"app", "stable", "linux-x64", folder_ / "root", opted_in}, facts);
  }
  std::string wanted(bool opted_in = true, trust::ReleaseCounter installed = {1, 0}) {
    const auto judgement = judge(opted_in, installed);
    if (!judgement) return judgement.error().message();
    if (judgement->decision.kind != Kind::wanted) return judgement->decision.reason;
    return judgement->decision.entry->version;
  }

  const TemporaryFolder folder_;
  FakeClock clock_;
  RepositorySimulator simulator_{clock_};
  const trust::Entry release_ = entry("1.0.0", {1, 1});
  const trust::Entry nightly_ = entry("1.1.0-nightly.1", {1, 2}, "pre/");
};

TEST_F(TrustGateNightliesTest, WhoOptedInGetsTheNewerOfReleaseAndNightlyBuild) {
  const auto later = entry("1.1.0", {1, 3});
  publish(index({1, 0}, {release_}), index({1, 0}, {nightly_}), {release_, nightly_});
  EXPECT_EQ(wanted(), "1.1.0-nightly.1");
  EXPECT_EQ(wanted(false), "1.0.0");
  publish(index({1, 0}, {release_, later}), index({1, 0}, {nightly_}), {release_, nightly_, later});
  EXPECT_EQ(wanted(), "1.1.0");
}

TEST_F(TrustGateNightliesTest, ANightlyBuildIsForWhoOptedInAloneWhateverItsVersion) {
  const auto plain = entry("9.0.0", {1, 2}, "pre/");
  publish(index({1, 0}, {release_}), index({1, 0}, {plain}), {release_, plain});
  EXPECT_EQ(wanted(false), "1.0.0");
  EXPECT_EQ(wanted(true), "9.0.0");
}

TEST_F(TrustGateNightliesTest, ANightlyBuildNeedsItsRollout) {
  publish(index({1, 0}, {release_}), index({1, 0}, {nightly_}), {release_});
  EXPECT_EQ(wanted(), "1.0.0");
  EXPECT_TRUE(wanted(true, {1, 1}).starts_with("held: 1.1.0-nightly.1")) << wanted(true, {1, 1});
}

TEST_F(TrustGateNightliesTest, AChannelOfNightlyBuildsAloneIsFollowed) {
  publish(std::nullopt, index({1, 0}, {nightly_}), {nightly_});
  EXPECT_EQ(wanted(), "1.1.0-nightly.1");
  EXPECT_EQ(judge(false).error().kind, ErrorKind::not_found);
}

TEST_F(TrustGateNightliesTest, TheKeyOfNightlyBuildsMovesNoFloor) {
  publish(index({1, 1}, {release_}), index({1, 9}, {}), {release_});
  const auto judgement = judge();
  ASSERT_TRUE(judgement) << judgement.error().message();
  EXPECT_EQ(judgement->floor, (trust::ReleaseCounter{1, 1}));
  EXPECT_EQ(judgement->decision.kind, Kind::wanted);
}

TEST_F(TrustGateNightliesTest, TheFloorOfReleasesHoldsForNightlyBuilds) {
  const auto later = entry("2.0.0", {1, 3});
  publish(index({1, 3}, {release_, later}), index({1, 0}, {nightly_}), {nightly_});
  EXPECT_TRUE(wanted().starts_with("held:")) << wanted();
}

TEST_F(TrustGateNightliesTest, TheKeyOfNightlyBuildsUsesNoEpochAboveThatOfReleases) {
  const auto high = entry("1.1.0-nightly.2", {2, 1}, "pre/");
  for (auto& role : simulator_.targets.delegations.roles) {
    if (role.name == "pre-app") role.epoch = 2;
  }
  publish(index({1, 0}, {release_}), index({1, 0}, {high}), {release_, high});
  EXPECT_EQ(wanted(), "1.0.0");
  for (auto& role : simulator_.targets.delegations.roles) {
    if (role.name == "rel-app") role.epoch = 2;
  }
  publish(index({1, 0}, {release_}), index({1, 0}, {high}), {release_, high});
  EXPECT_EQ(wanted(), "1.1.0-nightly.2");
}

TEST_F(TrustGateNightliesTest, NightlyBuildsThatCannotBeTrustedDoNotHoldReleases) {
  simulator_.delegated.at("pre-app").expires = clock_.time - std::chrono::hours(1);
  publish(index({1, 0}, {release_}), index({1, 0}, {nightly_}), {release_, nightly_});
  EXPECT_EQ(wanted(), "1.0.0");
}

TEST_F(TrustGateNightliesTest, OnlyANightlyBuildRestsOnTheDateOfNightlyBuilds) {
  simulator_.delegated.at("pre-app").expires = clock_.time + std::chrono::hours(10);
  publish(index({1, 0}, {release_}), index({1, 0}, {nightly_}), {release_, nightly_});
  EXPECT_EQ(judge()->fresh_until, clock_.time + std::chrono::hours(10));
  const auto later = entry("1.1.0", {1, 3});
  publish(index({1, 0}, {release_, later}), index({1, 0}, {nightly_}), {release_, nightly_, later});
  EXPECT_EQ(judge()->fresh_until, clock_.time + std::chrono::hours(20));
}

TEST_F(TrustGateNightliesTest, AnExpiredReleaseRoleHoldsNightlyBuildsToo) {
  simulator_.delegated.at("rel-app").expires = clock_.time - std::chrono::hours(1);
  publish(index({1, 0}, {release_}), index({1, 0}, {nightly_}), {release_, nightly_});
  EXPECT_EQ(judge().error().reason, "expired");
}

}  // namespace
}  // namespace upswarm::tests
