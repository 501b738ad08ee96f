#include "agent/update_cycle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/plan_record.hpp"
#include "protocol/messages/enrolment.hpp"
#include "tests/agent/update_cycle_fixture.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::StartsWith;

TEST_F(UpdateCycleTest, OffersAllThatTheInstallerNeeds) {
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  ASSERT_EQ(installer_.offers.size(), 1U);
  const auto& offer = installer_.offers[0];
  for (const char* name : {"metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.targets.json",
                           "metadata/1.rel-app.json", "metadata/1.rollout.json"}) {
    EXPECT_THAT(offer, Contains(Key(name)));
  }
  EXPECT_THAT(offer, Contains(Key(StartsWith("targets/index/app/stable/"))));
  EXPECT_THAT(offer, Contains(Key(StartsWith("targets/rollout/app/"))));
  EXPECT_EQ(phase(), "current");
}

TEST_F(UpdateCycleTest, OffersNightlyBuildsToAMachineThatOptedInAlone) {
  repository_.set_nightlies({new_});
  repository_.publish();
  result_of_run();
  EXPECT_EQ(installer_.offers.back().count("metadata/2.pre-app.json"), 0U);
  installer_.state.products[0].prerelease = true;
  repository_.publish();
  result_of_run();
  EXPECT_THAT(installer_.offers.back(), Contains(Key("metadata/3.pre-app.json")));
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/preindex/app/stable/"))));
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/index/app/stable/"))));
}

TEST_F(UpdateCycleTest, OffersAChannelOfNightlyBuildsAlone) {
  repository_.set_nightlies({new_});
  repository_.drop_releases();
  repository_.publish();
  installer_.state.products[0].prerelease = true;
  result_of_run();
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/preindex/app/stable/"))));
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/rollout/app/"))));
}

TEST_F(UpdateCycleTest, AsksForEachDeliveryWhatTheLineIs) {
  installer_.wants["app"] = new_;
  link_ = Link::metered;  // since the start
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  const auto plan = load_plan(*store_, "app");
  ASSERT_TRUE(plan && *plan);
  EXPECT_EQ((*plan)->link, "metered");
}

TEST_F(UpdateCycleTest, AnUnchangedPollCostsOneSmallAnswer) {
  result_of_run();
  http_.requests.clear();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  ASSERT_EQ(http_.requests.size(), 1U);
  EXPECT_TRUE(http_.requests[0].url.ends_with("/metadata/timestamp.json"));
  EXPECT_EQ(installer_.offers.size(), 1U);
}

TEST_F(UpdateCycleTest, RunsTheWholeWorkflowOnceADayAnyway) {
  repository_.publish(hours(24 * 5));
  result_of_run();
  clock_.advance(hours(23));
  http_.requests.clear();
  result_of_run();
  EXPECT_EQ(http_.count("/metadata/2.root.json"), 0U);
  clock_.advance(hours(2));
  result_of_run();
  EXPECT_EQ(http_.count("/metadata/2.root.json"), 1U);
}

TEST_F(UpdateCycleTest, InstallsTheDeltaAndTellsTheSeeder) {
  installer_.wants["app"] = new_;
  installer_.work = {{{"app", "1.1.0", "verifying", 1_B, 2_B}},
                     {{"app", "1.1.0", "staging", {}, {}}},
                     {{"app", "1.1.0", "checking health", {}, {}}}};
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  ASSERT_EQ(swarm_.fetched.size(), 1U);
  EXPECT_EQ(swarm_.fetched[0].file.sha256, delta().sha256);
  EXPECT_EQ(swarm_.fetched[0].torrent, "torrent of " + delta().path);
  EXPECT_EQ(swarm_.fetched[0].http_path,
            "targets/pkg/app/linux-x64/1.1.0/" + delta().sha256.hex() + ".app-1.0.0-1.1.0-100.upd");
  EXPECT_THAT(installer_.packages, ElementsAre(delta().sha256));
  EXPECT_TRUE(installer_.kept.empty());
  ASSERT_EQ(http_.posted.size(), 1U);
  const auto report = messages::parse_report(*parse_json(http_.posted[0], "report"));
  EXPECT_EQ(report->outcome.kind, "delta");
  EXPECT_EQ(report->outcome.to, "1.1.0");
  EXPECT_EQ(report->bytes.site, 100_B);
  EXPECT_EQ(board_.snapshot().products.at(0).installed, "1.1.0");
}

TEST_F(UpdateCycleTest, GoesOnSeedingWhatIsInstalled) {
  installer_.wants["app"] = new_;
  result_of_run();
  ASSERT_EQ(swarm_.kept.size(), 1U);
  swarm_.kept.clear();
  start();
  ASSERT_TRUE(cycle_->resume_seeding());
  ASSERT_EQ(swarm_.kept.size(), 1U);
  EXPECT_EQ(swarm_.kept[0].file.sha256, delta().sha256);
  EXPECT_EQ(board_.snapshot().seeding, 1);
}

TEST_F(UpdateCycleTest, PackagesOfReleasesThatAreGoneAreKeptForNeighboursForAWhile) {
  const auto newest = take_one_and_publish_the_next();
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_EQ(swarm_.kept.size(), 2U);
  installer_.wants.clear();
  result_of_run();
  clock_.advance(std::chrono::hours(24 * 7) - std::chrono::seconds(1));
  repository_.publish();
  result_of_run();
  EXPECT_EQ(swarm_.kept.size(), 2U);
  clock_.advance(std::chrono::seconds(1));
  result_of_run();  // unchanged
  ASSERT_EQ(swarm_.kept.size(), 1U);
  EXPECT_EQ(swarm_.kept[0].file.sha256, newest.full.sha256);
}

TEST_F(UpdateCycleTest, WhatARollbackGoesToIsKept) {
  cache_.age = {};
  start();
  const auto newest = take_one_and_publish_the_next();
  installer_.state.products[0].before = new_.content;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_EQ(swarm_.kept.size(), 2U);
  installer_.wants.clear();
  installer_.state.products[0].before.reset();
  result_of_run();
  ASSERT_EQ(swarm_.kept.size(), 1U);
  EXPECT_EQ(swarm_.kept[0].file.sha256, newest.full.sha256);
}

TEST_F(UpdateCycleTest, AUserWhoAsksInMidDownloadHurriesIt) {
  installer_.wants["app"] = new_;
  swarm_.during_fetch = [&] { cycle_->hurry({.install_now = true}); };
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(swarm_.efforts, testing::ElementsAre(Effort::foreground, Effort::background));
}

TEST_F(UpdateCycleTest, WhoeverAsksForAnotherProductHurriesNothing) {
  installer_.wants["app"] = new_;
  swarm_.during_fetch = [&] {
    cycle_->hurry({.products = {"tool"}});
    cycle_->hurry({.full_refresh = true});
  };
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  cycle_->hurry({.install_now = true});
  EXPECT_THAT(swarm_.efforts, testing::Each(Effort::background));
}

TEST_F(UpdateCycleTest, AMachineWithoutRoomKeepsForARollbackAlone) {
  has_room_ = false;
  const auto newest = take_one_and_publish_the_next();
  installer_.state.products[0].before = new_.content;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_EQ(swarm_.kept.size(), 2U) << "what runs, and what a rollback goes to";
  installer_.wants.clear();
  installer_.state.products[0].before.reset();
  result_of_run();
  ASSERT_EQ(swarm_.kept.size(), 1U);
  EXPECT_EQ(swarm_.kept[0].file.sha256, newest.full.sha256);
}

TEST_F(UpdateCycleTest, WhatIsKeptForNeighboursGivesWayOnAFullDisk) {
  installer_.wants["app"] = new_;
  result_of_run();
  const auto second = tests::make_entry("1.2.0", 3);
  const auto third = tests::make_entry("1.3.0", 4);
  repository_.set_release({old_, new_, second, third});
  repository_.publish();
  installer_.wants["app"] = second;
  result_of_run();
  installer_.wants["app"] = third;
  swarm_.fetched.clear();
  swarm_.failures[third.full.sha256] = Error{ErrorKind::no_space, "fetch", "the disk is full"};
  EXPECT_EQ(error_of_run().kind, ErrorKind::no_space);
  EXPECT_EQ(swarm_.fetched.size(), 2U) << "once more when there was room again";
  ASSERT_EQ(swarm_.kept.size(), 2U);
  for (const auto& kept : swarm_.kept) EXPECT_NE(kept.file.sha256, delta().sha256);
  error_of_run();
  EXPECT_EQ(swarm_.fetched.size(), 3U) << "there was nothing left to drop";
}

TEST_F(UpdateCycleTest, ADeltaThatTheInstallerRefusesIsNeverTriedAgain) {
  installer_.wants["app"] = new_;
  installer_.refusals[delta().sha256] =
      Error{ErrorKind::untrusted, "offer_package", "not the signed bytes", "wrong_digest"};
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(installer_.packages, ElementsAre(delta().sha256, new_.full.sha256));
  EXPECT_THAT(*store_->bad_packages(), ElementsAre(delta().sha256));
}

TEST_F(UpdateCycleTest, ADeltaThatDoesNotApplyIsFollowedByTheFullPackage) {
  installer_.wants["app"] = new_;
  installer_.work = {{{"app", "1.1.0", "staging", {}, {}}}};
  installer_.endings[delta().sha256] = tests::make_outcome(0, "", "failed");
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(installer_.packages, ElementsAre(delta().sha256, new_.full.sha256));
  EXPECT_EQ(installer_.offers.size(), 2U);
  EXPECT_EQ(http_.posted.size(), 2U);
  EXPECT_THAT(*store_->bad_packages(), IsEmpty()) << "the installer judges what came out of it";
}

TEST_F(UpdateCycleTest, ARestartOfTheInstallerIsNotTheDeltasFault) {
  installer_.wants["app"] = new_;
  installer_.silent_questions = 3;
  installer_.endings[delta().sha256] = tests::make_outcome(0, "", "failed");
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(*store_->bad_packages(), IsEmpty());
}

TEST_F(UpdateCycleTest, ADeltaThatCannotBeHadIsFollowedByTheFullPackage) {
  installer_.wants["app"] = new_;
  swarm_.failures[delta().sha256] = Error{ErrorKind::corrupt, "fetch", "its SHA-256 differs"};
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(installer_.packages, ElementsAre(new_.full.sha256));
}

TEST_F(UpdateCycleTest, AFullDiskIsNotMendedByAnotherPackage) {
  installer_.wants["app"] = new_;
  swarm_.failures[delta().sha256] = Error{ErrorKind::no_space, "fetch", "the disk is full"};
  EXPECT_EQ(error_of_run().kind, ErrorKind::no_space);
  EXPECT_EQ(swarm_.fetched.size(), 1U);
  EXPECT_EQ(phase(), "failed");
  EXPECT_THAT(board_.snapshot().last_error->advice, HasSubstr("disk space"));
  EXPECT_THAT(*store_->bad_packages(), IsEmpty());
}

TEST_F(UpdateCycleTest, ADownloadThatWasKilledIsStillWantedAtTheNextStart) {
  installer_.wants["app"] = new_;
  swarm_.failures[delta().sha256] = Error{ErrorKind::cancelled, "fetch", "stopped"};
  error_of_run();
  start();
  ASSERT_TRUE(cycle_->resume_seeding());
  ASSERT_EQ(swarm_.kept.size(), 1U);
  EXPECT_EQ(board_.snapshot().seeding, 0);
}

TEST_F(UpdateCycleTest, ARollbackIsAResultNotAnError) {
  installer_.wants["app"] = new_;
  auto ending = tests::make_outcome(0, "", "rolled_back");
  ending.reason = "its health check failed";
  installer_.endings[delta().sha256] = ending;
  EXPECT_EQ(result_of_run(), CycleResult::rolled_back);
  EXPECT_EQ(phase(), "rolled_back");
  EXPECT_EQ(board_.snapshot().products.at(0).detail, "its health check failed");
  EXPECT_EQ(installer_.packages.size(), 1U);
  EXPECT_EQ(http_.posted.size(), 1U);
}

TEST_F(UpdateCycleTest, ADeferralHoldsTheUpdateUntilItsEnd) {
  installer_.wants["app"] = new_;
  const auto until = clock_.now() + hours(1);
  ASSERT_TRUE(store_->defer("app", until));
  const auto end = run();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->result, CycleResult::put_off);
  EXPECT_EQ(end->look_again, until);
  EXPECT_EQ(phase(), "put_off");
  clock_.time = until;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
}

TEST_F(UpdateCycleTest, InstallNowLiftsDeferralsAndSkips) {
  installer_.wants["app"] = new_;
  ASSERT_TRUE(store_->skip("app", "1.1.0"));
  EXPECT_EQ(result_of_run(), CycleResult::put_off);
  EXPECT_EQ(result_of_run({.full_refresh = true, .install_now = true}), CycleResult::updated);
}

TEST_F(UpdateCycleTest, NobodyPutsTheWayBackOff) {
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  repository_.publish(hours(20));
  ASSERT_TRUE(store_->skip("app", "1.0.0"));
  ASSERT_TRUE(store_->defer("app", clock_.now() + hours(1)));
  installer_.wants["app"] = old_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
}

TEST_F(UpdateCycleTest, AChainLeadsThroughTheSignedIndex) {
  new_.deltas.clear();
  auto newest = tests::make_entry("1.2.0", 3);
  tests::add_delta(new_, old_, 10_B);
  tests::add_delta(newest, new_, 10_B);
  repository_.set_release({old_, new_, newest});
  repository_.publish();
  installer_.wants["app"] = newest;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(installer_.packages, ElementsAre(new_.deltas[0].file.sha256, newest.deltas[0].file.sha256));
  EXPECT_EQ(swarm_.kept.size(), 2U) << "both go on being seeded";
}

TEST_F(UpdateCycleTest, WhatFailedIsTriedAgainThoughTheRepositoryIsTheSame) {
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  repository_.publish(hours(20));
  installer_.wants["app"] = new_;
  for (const auto& file : {new_.full, new_.deltas.at(0).file})
    swarm_.failures.insert_or_assign(file.sha256, Error{ErrorKind::unreachable, "fetch", "nobody has it"});
  EXPECT_FALSE(run());
  swarm_.failures.clear();
  EXPECT_EQ(result_of_run(), CycleResult::updated);
}

TEST_F(UpdateCycleTest, AHeldReleaseIsJudgedAgainThoughNothingChanged) {
  installer_.holds["app"] = "held: not due yet";
  EXPECT_EQ(result_of_run(), CycleResult::held);
  EXPECT_EQ(board_.snapshot().products.at(0).detail, "held: not due yet");
  installer_.holds.clear();
  installer_.wants["app"] = new_;
  http_.requests.clear();
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_EQ(http_.count(".linux-x64.json"), 0U) << "index and filter come from the cache";
}

TEST_F(UpdateCycleTest, HandsOnEveryRootTheInstallerHasMissed) {
  for (int i = 0; i < 2; ++i) {
    repository_.rotate_root();
    repository_.publish();
    result_of_run({.full_refresh = true});
  }
  http_.bodies.erase(std::string(tests::kSeeder) + "/metadata/2.root.json");
  start();
  result_of_run({.full_refresh = true});
  EXPECT_THAT(installer_.offers.back(), Contains(Key("metadata/2.root.json")));
  EXPECT_THAT(installer_.offers.back(), Contains(Key("metadata/3.root.json")));
  EXPECT_EQ(installer_.offers.back().at("metadata/2.root.json"), folder_.read("roots/2.root.json"));
}

TEST_F(UpdateCycleTest, ExpiredMetadataHoldsAndSaysWhy) {
  result_of_run();
  installer_.wants["app"] = new_;
  clock_.advance(hours(25));
  const auto error = error_of_run();
  EXPECT_EQ(error.kind, ErrorKind::untrusted);
  EXPECT_EQ(error.reason, "expired");
  EXPECT_TRUE(swarm_.fetched.empty());
  EXPECT_THAT(board_.snapshot().last_error->advice, HasSubstr("fresh metadata"));
}

TEST_F(UpdateCycleTest, AFailedRefreshIsNotForgottenByA304) {
  installer_.offer_error = Error{ErrorKind::untrusted, "timestamp", "rollback", "rollback"};
  error_of_run();
  installer_.offer_error.reset();
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
}

TEST_F(UpdateCycleTest, AReplayedOlderRepositoryIsRefused) {
  const auto before = http_.bodies;
  repository_.publish();
  result_of_run();
  http_.bodies = before;
  EXPECT_EQ(error_of_run().reason, "rollback");
}

TEST_F(UpdateCycleTest, GoesOnWithoutTheSeederWhereItCan) {
  installer_.wants["app"] = new_;
  ASSERT_TRUE(store_->defer("app", clock_.now() + hours(1)));
  result_of_run();
  clock_.advance(hours(2));
  http_.down = Error{ErrorKind::unreachable, "GET", "no route"};
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable);
  // The torrent was never fetched, so nothing could be; but the installer was asked again.
  EXPECT_EQ(installer_.offers.size(), 2U);
}

TEST_F(UpdateCycleTest, AnInstallerThatIsAwayIsNamed) {
  installer_.down = Error{ErrorKind::unreachable, "reach the installer", "no such file", "no_installer"};
  EXPECT_EQ(error_of_run().reason, "no_installer");
  EXPECT_THAT(board_.snapshot().last_error->advice, HasSubstr("upswarm-installer"));
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(UpdateCycleTest, ReportsOfEarlierStartsAreSent) {
  installer_.kept = {tests::make_outcome(9, "1.0.0", "completed")};
  http_.post_statuses = {503};
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable);
  start();
  result_of_run();
  EXPECT_EQ(http_.posted.size(), 2U);
  EXPECT_EQ(*store_->count_waiting_reports(), 0);
}

TEST_F(UpdateCycleTest, AnEnrolmentThatFailsHindersNoUpdateAndIsTriedAgainSoon) {
  folder_.write("token", std::string(messages::kTokenPrefix) + std::string(64, '7'), 0600);
  token_file_ = folder_ / "token";
  start();
  installer_.wants["app"] = new_;
  http_.post_statuses = {403, 200};
  const auto end = run();
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(end->result, CycleResult::updated);
  EXPECT_EQ(end->look_again, clock_.now() + std::chrono::seconds(3)) << "half of 5 s, and up to the second";
  EXPECT_EQ(board_.snapshot().products.at(0).installed, "1.1.0");
  EXPECT_FALSE(board_.snapshot().enrolled);
  EXPECT_EQ(*store_->count_waiting_reports(), 0) << "for people, if it does not count";
  clock_.advance(std::chrono::seconds(3));
  ASSERT_TRUE(run());
  EXPECT_TRUE(board_.snapshot().enrolled);
  EXPECT_FALSE(run()->look_again);
}

TEST_F(UpdateCycleTest, ADamagedMachineKeyHindersNoUpdate) {
  folder_.write("machine.key", "damaged", 0600);
  start();
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_THAT(board_.snapshot().enrolment, HasSubstr("machines forget"));
  EXPECT_EQ(http_.posted.size(), 1U);
}

TEST_F(UpdateCycleTest, TakesUpAnInstallationThatIsUnderWay) {
  installer_.set_running({{{"app", "1.1.0", "staging", {}, {}}}, {{"app", "1.1.0", "checking health", {}, {}}}});
  installer_.kept = {tests::make_outcome(3, "1.1.0", "completed")};
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_TRUE(installer_.packages.empty());
  EXPECT_EQ(http_.posted.size(), 1U);
}

TEST_F(UpdateCycleTest, OneProductDoesNotHinderAnother) {
  installer_.add_product("other", nullptr);
  installer_.wants["app"] = new_;
  swarm_.failures[delta().sha256] = Error{ErrorKind::unreachable, "fetch", "nobody has it"};
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable);
  EXPECT_EQ(board_.snapshot().products.at(1).phase, "current");
}

TEST_F(UpdateCycleTest, NeedsARootOfTrust) {
  const tests::TemporaryFolder empty;
  const auto folders = RepositoryFolders::open(system_files(), empty.path(), "");
  ASSERT_FALSE(folders);
  EXPECT_EQ(folders.error().reason, "no_root");
  EXPECT_EQ(RepositoryFolders::open(system_files(), empty.path(), empty / "missing").error().reason, "no_root");
}

}  // namespace
}  // namespace upswarm::agent
