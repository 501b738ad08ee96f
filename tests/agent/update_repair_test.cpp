// What the installer found damaged of what runs is brought, whatever else there is to do.
#include "tests/agent/update_cycle_fixture.hpp"

namespace upswarm::agent {
namespace {

class UpdateRepairTest : public UpdateCycleTest {
 protected:
  void SetUp() override {
    UpdateCycleTest::SetUp();
    installer_.state.products[0].repair = old_;
    installer_.lacks = messages::MissingParts{{{500_B, 100_B}}, 100_B, 900_B, {{{500_B, 100_B}, sha256("a frame")}}};
  }
  std::vector<Sha256> full() const { return {old_.full.sha256}; }
};

TEST_F(UpdateRepairTest, TheMissingPartsAreFetchedAndHandedOver) {
  EXPECT_EQ(result_of_run(), CycleResult::nothing) << "no update was installed";
  EXPECT_EQ(installer_.repaired_by, full());
  EXPECT_TRUE(installer_.packages.empty());
  EXPECT_TRUE(installer_.parts_of.empty());
  const auto history = store_->history(1);
  ASSERT_EQ(history->size(), 1U);
  EXPECT_EQ(history->front().outcome.kind, "repair");
  EXPECT_GT(history->front().bytes.verified(), 0_B) << "and counted";
  installer_.repaired_by.clear();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  EXPECT_TRUE(installer_.repaired_by.empty()) << "once";
}

TEST_F(UpdateRepairTest, AnUpdateGoesFirstAndMendsToo) {
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_TRUE(installer_.repaired_by.empty());
  EXPECT_EQ(installer_.state.products[0].version, "1.1.0");
}

TEST_F(UpdateRepairTest, WhereTheUpdateDoesNotComeTheRepairDoes) {
  installer_.wants["app"] = new_;
  for (const auto& file : {delta(), new_.full})
    swarm_.failures[file.sha256] = Error{ErrorKind::unreachable, "fetch", "nobody has it"};
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable);
  EXPECT_EQ(installer_.repaired_by, full());
}

TEST_F(UpdateRepairTest, ARepairThatFailsKeepsNothingElseFromItsEnd) {
  auto failed = tests::make_outcome(0, "1.0.0", "failed");
  failed.reason = "a frame was altered";
  installer_.endings[old_.full.sha256] = failed;
  EXPECT_EQ(error_of_run().reason, "not_repaired");
  EXPECT_NE(*store_->setting("settled"), "") << "nothing is left to do but that";
}

TEST_F(UpdateRepairTest, PartsThatDoNotComeAreWaitedFor) {
  int asked = 0;
  swarm_.during_fetch = [&] {  // the index comes, and what it names does not
    swarm_.failures.clear();
    if (installer_.damaged_asked == asked) return;
    swarm_.failures[old_.full.sha256] = Error{ErrorKind::unreachable, "fetch", "nobody has it"};
  };
  EXPECT_FALSE(run());
  EXPECT_EQ(installer_.damaged_asked, 1);
  EXPECT_FALSE(run()) << "which is said again";
  EXPECT_EQ(installer_.damaged_asked, 1) << "the tree is not read for it";
  asked = 1;
  EXPECT_FALSE(run({.full_refresh = true}));
  EXPECT_EQ(installer_.damaged_asked, 2) << "a user does not wait";
  clock_.advance(std::chrono::minutes(5));
  EXPECT_FALSE(run());
  EXPECT_EQ(installer_.damaged_asked, 2) << "the second time it is longer";
  clock_.advance(std::chrono::minutes(10));
  swarm_.during_fetch = nullptr;
  swarm_.failures.clear();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  EXPECT_EQ(installer_.repaired_by, full());
}

TEST_F(UpdateRepairTest, ARepairIsInTheBook) {
  ASSERT_TRUE(run());
  const auto sessions = store_->sessions(1);
  ASSERT_EQ(sessions->size(), 1U);
  EXPECT_EQ(sessions->front().version, "1.0.0");
  EXPECT_EQ(sessions->front().steps.back().state, "completed");
}

TEST_F(UpdateRepairTest, WhatAnAdministratorHasReadIsNotFollowed) {
  installer_.state.products[0].repair.reset();
  const messages::ProductProgress reading{"app", "1.0.0", "reading", 1_B, 10_B};
  installer_.set_running({{reading}, {reading}});
  ASSERT_TRUE(run());
  EXPECT_TRUE(store_->sessions(1)->empty());
}

TEST_F(UpdateRepairTest, ASettledMachineIsRepairedToo) {
  installer_.state.products[0].repair.reset();
  ASSERT_TRUE(run());
  installer_.state.products[0].repair = old_;
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  EXPECT_EQ(installer_.repaired_by, full());
}

TEST_F(UpdateRepairTest, APackageThatIsInTheCacheNeedsNoSeeder) {
  installer_.state.products[0].repair.reset();
  ASSERT_TRUE(run());
  CachedDownload whole{.product = "app",
                       .version = "1.0.0",
                       .content = old_.content,
                       .way = "full",
                       .request = {},
                       .complete = true,
                       .bytes = {}};
  whole.request.file = old_.full;
  whole.request.torrent = "its torrent";
  ASSERT_TRUE(store_->keep_download(whole));
  installer_.state.products[0].repair = old_;
  installer_.lacks.reset();
  http_.down = Error{ErrorKind::unreachable, "connect", "no route"};
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable) << "the seeder is away all the same";
  EXPECT_EQ(installer_.repaired_by, full());
  EXPECT_TRUE(swarm_.fetched.back().is_whole());
}

TEST_F(UpdateRepairTest, ARefusalEndsTheTry) {
  installer_.lacks.reset();  // as an installer that wants it no more
  EXPECT_FALSE(run());
  EXPECT_TRUE(installer_.repaired_by.empty());
}

}  // namespace
}  // namespace upswarm::agent
