#include "agent/state_store.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using tests::make_entry;
using tests::make_outcome;

class StateStoreTest : public testing::Test {
 protected:
  StateStoreTest() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(opened) << opened.error().message();
    store_.emplace(*std::move(opened));
  }
  CachedDownload make_download(const trust::Entry& entry) {
    CachedDownload one{"app", entry.version, entry.content, "full", {}, true, {}};
    one.request = {entry.full, std::string("d4:\0\xff", 5), "targets/x"};
    one.bytes.site = 900_B;
    one.bytes.disk = 100_B;
    return one;
  }

  tests::TemporaryFolder folder_;
  std::optional<StateStore> store_;
  Time now_{std::chrono::seconds(1'800'000'000)};
};

TEST_F(StateStoreTest, SettingsSurviveAReopen) {
  ASSERT_TRUE(store_->set("etag", "a"));
  ASSERT_TRUE(store_->set("etag", "b"));
  reopen();
  EXPECT_EQ(*store_->setting("etag"), "b");
  EXPECT_EQ(*store_->setting("other"), "");
}

TEST_F(StateStoreTest, AnAgentThatWentBackGoesOnWithTheNewerSchema) {
  ASSERT_TRUE(store_->set("etag", "a"));
  store_.reset();
  {
    auto newer = Database::open(folder_ / "state.db", {}, NewerSchema::use);
    ASSERT_TRUE(newer) << newer.error().message();
    ASSERT_TRUE(newer->run("ALTER TABLE settings ADD COLUMN invented_later TEXT NOT NULL DEFAULT ''"));
    ASSERT_TRUE(newer->run("CREATE TABLE later (id INTEGER PRIMARY KEY)"));
    ASSERT_TRUE(newer->run("PRAGMA user_version=1000"));
  }
  reopen();
  EXPECT_EQ(*store_->setting("etag"), "a");
  EXPECT_TRUE(store_->set("etag", "b"));
  store_.reset();
  EXPECT_EQ(Database::open(folder_ / "state.db", {}).error().kind, ErrorKind::invalid);
}

TEST_F(StateStoreTest, AnOutcomeIsStoredOnce) {
  EXPECT_EQ(store_->add_outcomes({make_outcome(1, "1.0.0", "completed"), make_outcome(2, "1.1.0", "failed")})->size(),
            2U);
  EXPECT_EQ(store_->add_outcomes({make_outcome(2, "1.1.0", "failed"), make_outcome(3, "1.2.0", "completed")})->size(),
            1U);
  EXPECT_EQ(store_->history(10)->size(), 3U);
}

TEST_F(StateStoreTest, AnInstallerThatCountsAnewLosesNothing) {
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  auto later = make_outcome(1, "2.0.0", "completed");
  later.at += std::chrono::hours(1);
  EXPECT_EQ(store_->add_outcomes({later})->size(), 1U);
}

TEST_F(StateStoreTest, HistoryIsNewestFirstAndBounded) {
  for (int i = 1; i <= 5; ++i)
    ASSERT_TRUE(store_->add_outcomes({make_outcome(i, "1.0." + std::to_string(i), "completed")}));
  const auto items = store_->history(2);
  ASSERT_EQ(items->size(), 2U);
  EXPECT_EQ(items->at(0).outcome.to, "1.0.5");
  EXPECT_EQ(items->at(1).outcome.to, "1.0.4");
}

TEST_F(StateStoreTest, WaitingReportsSurviveAReopenUntilTheyAreSent) {
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed"), make_outcome(2, "1.1.0", "rolled_back")}));
  reopen();
  auto waiting = store_->waiting_reports(10);
  ASSERT_EQ(waiting->size(), 2U);
  EXPECT_EQ(waiting->at(0).item.outcome.number, 1);
  EXPECT_FALSE(waiting->at(0).item.reported);
  ASSERT_TRUE(store_->mark_report(waiting->at(0).id, ReportFate::sent));
  reopen();
  waiting = store_->waiting_reports(10);
  ASSERT_EQ(waiting->size(), 1U);
  EXPECT_EQ(waiting->at(0).item.outcome.number, 2);
  EXPECT_TRUE(store_->history(2)->at(1).reported);
}

TEST_F(StateStoreTest, ARefusedReportWaitsNoLongerAndIsNotCalledReported) {
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.0.0", "completed")}));
  ASSERT_TRUE(store_->mark_report(store_->waiting_reports(1)->at(0).id, ReportFate::refused));
  EXPECT_EQ(*store_->count_waiting_reports(), 0);
  EXPECT_FALSE(store_->history(1)->at(0).reported);
}

TEST_F(StateStoreTest, AnOutcomeGetsTheBytesOfItsDownload) {
  const auto entry = make_entry("1.1.0", 2);
  ASSERT_TRUE(store_->keep_download(make_download(entry)));
  auto back = make_outcome(2, "1.1.0", "completed");
  back.kind = "rollback";
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.1.0", "completed"), back}));
  const auto items = store_->history(2);
  EXPECT_EQ(items->at(0).bytes, messages::SourceBytes{});
  EXPECT_EQ(items->at(1).bytes.site, 900_B);
  EXPECT_EQ(items->at(1).bytes.verified(), 1000_B);
}

TEST_F(StateStoreTest, WhatADeltaSparedIsCountedWithItsBytes) {
  const auto one = make_download(make_entry("1.1.0", 2));
  ASSERT_TRUE(store_->keep_download(one));
  ASSERT_TRUE(store_->note_spared(one.request.file.sha256, 7000_B));
  ASSERT_TRUE(store_->note_spared(Sha256{}, 1_B)) << "of what is not there";
  ASSERT_TRUE(store_->add_outcomes({make_outcome(1, "1.1.0", "completed")}));
  const auto bytes = store_->history(1)->at(0).bytes;
  EXPECT_EQ(bytes.delta, 7000_B);
  EXPECT_EQ(bytes.verified(), 1000_B);
}

TEST_F(StateStoreTest, ALongReasonIsCut) {
  auto outcome = make_outcome(1, "1.0.0", "failed");
  outcome.reason = std::string(100'000, 'x');
  ASSERT_TRUE(store_->add_outcomes({outcome}));
  EXPECT_EQ(store_->history(1)->at(0).outcome.reason.size(), messages::kLongestReportedReason);
}

TEST_F(StateStoreTest, RemembersWhenAReleaseWasFirstSeen) {
  const auto content = make_entry("1.0.0", 1).content;
  EXPECT_EQ(*store_->first_seen("app", content, now_), now_);
  reopen();
  EXPECT_EQ(*store_->first_seen("app", content, now_ + std::chrono::hours(5)), now_);
}

TEST_F(StateStoreTest, KeepsAndLiftsWishes) {
  ASSERT_TRUE(store_->defer("app", now_));
  ASSERT_TRUE(store_->skip("app", "1.1.0"));
  reopen();
  const auto wish = store_->wish_of("app");
  EXPECT_EQ(wish->deferred_until, now_);
  EXPECT_EQ(wish->skipped, "1.1.0");
  EXPECT_FALSE(store_->wish_of("other")->deferred_until);
  ASSERT_TRUE(store_->lift_wishes());
  EXPECT_FALSE(store_->wish_of("app")->deferred_until);
  EXPECT_EQ(store_->wish_of("app")->skipped, "");
}

TEST_F(StateStoreTest, APackageIsBadAtOnceOrAtTheThirdFailure) {
  const auto one = make_entry("1.0.0", 1).full.sha256;
  const auto other = make_entry("1.1.0", 2).full.sha256;
  ASSERT_TRUE(store_->add_bad_package(one, "refused", now_));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store_->count_package_failure(other, "interrupted", now_));
  EXPECT_EQ(*store_->bad_packages(), std::set<Sha256>{one});
  ASSERT_TRUE(store_->count_package_failure(other, "interrupted", now_));
  reopen();
  EXPECT_EQ(*store_->bad_packages(), (std::set<Sha256>{one, other}));
}

TEST_F(StateStoreTest, APackageIsIdleSinceItWasNeededLast) {
  const auto one = make_download(make_entry("1.0.0", 1));
  const auto other = make_download(make_entry("1.1.0", 2));
  for (const auto& download : {one, other}) ASSERT_TRUE(store_->keep_download(download));
  const auto idle = [&](const CachedDownload& download) {
    const auto all = store_->downloads();
    return std::ranges::find(*all, download.content, &CachedDownload::content)->idle_since;
  };
  ASSERT_TRUE(store_->note_needed({other.content}, now_));
  ASSERT_TRUE(store_->note_needed({other.content}, now_ + std::chrono::hours(1)));
  reopen();
  EXPECT_EQ(idle(one), now_);
  EXPECT_EQ(idle(other), std::nullopt);
  ASSERT_TRUE(store_->note_needed({one.content, other.content}, now_));
  EXPECT_EQ(idle(one), std::nullopt);
  ASSERT_TRUE(store_->note_needed({}, now_));
  ASSERT_TRUE(store_->keep_download(one));
  EXPECT_EQ(idle(one), std::nullopt) << "it was asked for again";
}

TEST_F(StateStoreTest, DownloadsSurviveByteForByte) {
  const auto one = make_download(make_entry("1.0.0", 1));
  ASSERT_TRUE(store_->keep_download(one));
  ASSERT_TRUE(store_->keep_download(one));
  reopen();
  const auto all = store_->downloads();
  ASSERT_EQ(all->size(), 1U);
  const auto& read = all->front();
  EXPECT_EQ(read.request.torrent, one.request.torrent);
  EXPECT_EQ(read.request.http_path, one.request.http_path);
  EXPECT_EQ(read.request.file.sha256, one.request.file.sha256);
  EXPECT_EQ(read.request.file.piece_length, one.request.file.piece_length);
  EXPECT_EQ(read.content, one.content);
  EXPECT_EQ(read.bytes, one.bytes);
  EXPECT_TRUE(read.complete);
  ASSERT_TRUE(store_->forget_download(one.request.file.sha256));
  EXPECT_TRUE(store_->downloads()->empty());
}

}  // namespace
}  // namespace upswarm::agent
