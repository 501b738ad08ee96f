#include "seeder/index_history.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

trust::Entry entry(trust::ReleaseCounter counter, const std::string& version) {
  trust::Entry made;
  made.counter = counter;
  made.version = version;
  made.content = sha256(version);
  return made;
}

trust::Index index_of(std::vector<trust::Entry> entries, trust::ReleaseCounter floor = {1, 0}) {
  return {"app", "stable", "linux-x64", floor, std::move(entries)};
}

std::string reason_of(const Result<void>& result) { return result ? "" : result.error().reason; }

class IndexHistoryTest : public testing::Test {
 protected:
  std::string follow(const trust::Index& after, std::int64_t epoch = 1) {
    return reason_of(check_succession(&before, after, epoch));
  }
  trust::Entry first = entry({1, 3}, "1.0.0");
  trust::Entry second = entry({1, 5}, "2.0.0");
  trust::Index before = index_of({first, second}, {1, 3});
};

TEST_F(IndexHistoryTest, AFirstIndexIsFree) {
  EXPECT_EQ(reason_of(check_succession(nullptr, before, 1)), "");
  EXPECT_EQ(follow(before), "");
}

TEST_F(IndexHistoryTest, ReleasesComeAndOldOnesGo) {
  EXPECT_EQ(follow(index_of({second, entry({1, 6}, "3.0.0")}, {1, 5})), "");
  EXPECT_EQ(follow(index_of({entry({1, 6}, "3.0.0")}, {1, 3})), "");
}

TEST_F(IndexHistoryTest, TheFloorNeverSinks) { EXPECT_EQ(follow(index_of({first, second}, {1, 2})), "floor"); }

TEST_F(IndexHistoryTest, AnEntryIsNotAlteredUnderItsCounter) {
  second.urgent = true;
  EXPECT_EQ(follow(index_of({first, second}, {1, 3})), "entry");
}

TEST_F(IndexHistoryTest, ANewReleaseComesAfterAllOthers) {
  EXPECT_EQ(follow(index_of({first, entry({1, 4}, "1.5.0"), second}, {1, 3})), "counter");
  EXPECT_EQ(follow(index_of({entry({1, 2}, "0.9.0"), second}, {1, 3})), "counter");
}

TEST_F(IndexHistoryTest, TheNewestDoesNotVanish) {
  EXPECT_EQ(follow(index_of({first}, {1, 3})), "counter");
  EXPECT_EQ(follow(index_of({}, {1, 3})), "counter");
}

TEST_F(IndexHistoryTest, EpochsAreThoseThatTheRoleMayUse) {
  const auto raised = index_of({entry({2, 1}, "3.0.0")}, {2, 0});
  EXPECT_EQ(follow(raised, 1), "epoch");
  EXPECT_EQ(follow(raised, 2), "") << "the way out of stolen release keys";
  EXPECT_EQ(follow(index_of({first, second}, {2, 0}), 1), "epoch");
  EXPECT_EQ(reason_of(check_succession(nullptr, raised, 1)), "epoch");
}

TEST_F(IndexHistoryTest, ACounterIsOneReleaseInAllChannels) {
  auto beta = before;
  beta.channel = "beta";
  EXPECT_EQ(reason_of(check_counters({{before}, {beta}})), "");
  beta.entries[1] = entry({1, 5}, "2.0.1");
  EXPECT_EQ(reason_of(check_counters({{before}, {beta}})), "counter");
  EXPECT_EQ(reason_of(check_counters({{before, before}, {beta}})), "counter");
  EXPECT_EQ(reason_of(check_counters({{before, before}, {beta, beta}})), "") << "it was so before";
  beta.platform = "windows-x64";
  EXPECT_EQ(reason_of(check_counters({{before}, {beta}})), "") << "no machine has both";
}

TEST_F(IndexHistoryTest, OnlyAReleaseMayTakeTheCounterOfANightly) {
  const CurrentIndex old_release{before, before, false};
  const CurrentIndex new_release{before, {}, false};
  auto nightlies = before;
  nightlies.entries[1] = entry({1, 5}, "2.0.0-nightly");
  const CurrentIndex old_nightly{nightlies, nightlies, true};
  const CurrentIndex new_nightly{nightlies, {}, true};
  EXPECT_EQ(reason_of(check_counters({new_release, old_nightly})), "");
  EXPECT_EQ(reason_of(check_counters({old_nightly, new_release})), "");
  EXPECT_EQ(reason_of(check_counters({new_nightly, new_release})), "") << "all of it handed over anew";
  EXPECT_EQ(reason_of(check_counters({old_release, old_nightly})), "") << "what is there holds nothing up";
  EXPECT_EQ(reason_of(check_counters({new_nightly, old_release})), "counter");
  auto given_up = new_nightly;
  given_up.index.withdrawn = {{.counter = {1, 5}}};
  EXPECT_EQ(reason_of(check_counters({given_up, old_release})), "") << "a withdrawn one goes to nobody";
  EXPECT_EQ(reason_of(check_counters({old_release, new_nightly})), "counter");
  auto beta = nightlies;
  beta.channel = "beta";
  beta.entries[1] = entry({1, 5}, "2.0.1-nightly");
  EXPECT_EQ(reason_of(check_counters({old_nightly, {beta, {}, true}})), "counter");
}

}  // namespace
}  // namespace upswarm::seeder
