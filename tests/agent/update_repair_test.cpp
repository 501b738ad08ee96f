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

TEST_F(UpdateRepairTest, AnUpdateComesAllTheSame) {
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_EQ(installer_.repaired_by, full());
  EXPECT_EQ(installer_.state.products[0].version, "1.1.0");
}

TEST_F(UpdateRepairTest, AlsoWhereTheRepairFails) {
  auto failed = tests::make_outcome(0, "1.0.0", "failed");
  failed.reason = "a frame was altered";
  installer_.endings[old_.full.sha256] = failed;
  installer_.wants["app"] = new_;
  EXPECT_EQ(error_of_run().reason, "not_repaired");
  EXPECT_EQ(installer_.state.products[0].version, "1.1.0");
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
