// What of a repository reaches the installer when a part of it is not good.
#include "agent/repository_view.hpp"

#include <gmock/gmock.h>

#include "tests/agent/update_cycle_fixture.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::StartsWith;

/// app with its releases, and other, which has none yet.
class RepositoryViewTest : public UpdateCycleTest {
 protected:
  void add_other(hours lives) {
    installer_.add_product("other", nullptr);
    repository_.set_other(lives);
    repository_.publish();
  }
  /// The files of the filter, by what their addresses hold.
  std::vector<std::string> urls_with(const std::string& part) const {
    std::vector<std::string> urls;
    for (const auto& [url, body] : http_.bodies) {
      if (url.find(part) != std::string::npos) urls.push_back(url);
    }
    return urls;
  }
  void expect_an_offer_without_filter() {
    installer_.wants["app"] = new_;
    EXPECT_EQ(result_of_run(), CycleResult::updated);
    ASSERT_FALSE(installer_.offers.empty());
    EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/index/app/stable/"))));
    EXPECT_THAT(installer_.offers.back(), Not(Contains(Key(StartsWith("targets/rollout/app/")))));
  }
};

// Whoever has the key of the filters, or serves them, must not hold an urgent release by a bad one: the installer
// judges without (DecisionTest.AStolenOnlineKeyCannotHoldAnUrgentReleaseForEver).

TEST_F(RepositoryViewTest, AFilterThatHasExpiredIsNoneAndTheRestIsOffered) {
  repository_.rollout_lives = hours(1);
  repository_.publish();
  clock_.advance(hours(2));
  expect_an_offer_without_filter();
}

TEST_F(RepositoryViewTest, AFilterThatIsPromisedAndNotServedIsNone) {
  for (const auto& url : urls_with("/targets/rollout/")) http_.bodies.erase(url);
  expect_an_offer_without_filter();
}

TEST_F(RepositoryViewTest, AFilterOfOtherBytesIsNone) {
  for (const auto& url : urls_with("/targets/rollout/")) http_.bodies[url] = "{}";
  expect_an_offer_without_filter();
}

TEST_F(RepositoryViewTest, ARoleOfFiltersThatIsNotServedIsNone) {
  for (const auto& url : urls_with(".rollout.json")) http_.bodies.erase(url);
  expect_an_offer_without_filter();
}

/// The installer judges without it, and holds what is not urgent; it may answer soon, so it is asked for again soon.
TEST_F(RepositoryViewTest, AFilterThatCannotBeReachedHoldsNothingUrgentAndIsAskedForAgain) {
  for (const auto& url : urls_with("/targets/rollout/")) http_.statuses[url] = 503;
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable);
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/index/app/stable/"))));
  EXPECT_THAT(installer_.offers.back(), Not(Contains(Key(StartsWith("targets/rollout/app/")))));
  http_.statuses.clear();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/rollout/app/"))));
}

TEST_F(RepositoryViewTest, OneProductsExpiredRoleDoesNotHinderAnother) {
  add_other(hours(1));
  clock_.advance(hours(2));
  installer_.wants["app"] = new_;
  EXPECT_EQ(result_of_run(), CycleResult::updated);
  EXPECT_FALSE(installer_.packages.empty());
  EXPECT_EQ(board_.snapshot().products.at(0).installed, "1.1.0");
  EXPECT_EQ(board_.snapshot().products.at(1).phase, "held");
  EXPECT_THAT(board_.snapshot().products.at(1).detail, HasSubstr("rel-other: it expired"));
}

/// It stays so until the publisher signs anew: until then each look costs as little as any.
TEST_F(RepositoryViewTest, WhatFailsForGoodIsHeldAndNoErrorOfTheRound) {
  add_other(hours(100));
  for (const auto& url : urls_with("/targets/index/other/")) http_.bodies[url] = "{}";
  EXPECT_EQ(result_of_run(), CycleResult::held);
  EXPECT_EQ(board_.snapshot().products.at(1).phase, "held");
  http_.requests.clear();
  EXPECT_EQ(result_of_run(), CycleResult::held) << "it is not forgotten";
  EXPECT_EQ(http_.count("/metadata/timestamp.json"), 1U);
  EXPECT_LE(http_.requests.size(), 2U) << "the poll, and the index that is not good";
  repository_.publish();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
}

TEST_F(RepositoryViewTest, OneProductsIndexThatIsNotServedDoesNotHinderAnother) {
  add_other(hours(100));
  for (const auto& url : urls_with("/targets/index/other/")) http_.bodies.erase(url);
  installer_.wants["app"] = new_;
  EXPECT_EQ(error_of_run().reason, "missing");
  EXPECT_FALSE(installer_.packages.empty());
  repository_.publish();
  EXPECT_EQ(result_of_run(), CycleResult::nothing) << "it is looked for again at each round";
}

TEST_F(RepositoryViewTest, OneProductsIndexThatCannotBeReachedDoesNotHinderAnother) {
  add_other(hours(100));
  const auto urls = urls_with("/targets/index/other/");
  for (const auto& url : urls) http_.statuses[url] = 503;
  installer_.wants["app"] = new_;
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable) << "so it is asked for again soon";
  EXPECT_FALSE(installer_.packages.empty());
  EXPECT_EQ(board_.snapshot().products.at(1).phase, "held");
  http_.statuses.clear();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
}

TEST_F(RepositoryViewTest, WhereNoProductCanBeReachedNothingIsOffered) {
  for (const auto& url : urls_with("/targets/index/")) http_.statuses[url] = 503;
  EXPECT_EQ(error_of_run().kind, ErrorKind::unreachable);
  EXPECT_TRUE(installer_.offers.empty());
}

TEST_F(RepositoryViewTest, OfAProductThatFailedNothingIsOffered) {
  installer_.add_product("other", nullptr);
  installer_.state.products.at(0).prerelease = true;
  repository_.set_nightlies({new_});
  repository_.set_other(hours(100));
  repository_.publish();
  for (const auto& url : urls_with("/targets/index/app/")) http_.bodies.erase(url);
  EXPECT_EQ(error_of_run().reason, "missing");
  EXPECT_THAT(installer_.offers.back(), Contains(Key(StartsWith("targets/index/other/"))));
  EXPECT_THAT(installer_.offers.back(), Not(Contains(Key(StartsWith("targets/preindex/app/")))));
}

/// What was verified stays in memory: an unchanged look does not even read it from the disk.
TEST_F(RepositoryViewTest, WhatIsUnchangedIsNotVerifiedAgain) {
  ASSERT_EQ(result_of_run(), CycleResult::nothing);
  for (const char* role : {"timestamp", "snapshot", "targets", "rel-app", "rollout"})
    ASSERT_TRUE(folders_->store().remove(role));
  http_.requests.clear();
  EXPECT_EQ(result_of_run(), CycleResult::nothing);
  EXPECT_EQ(http_.requests.size(), 1U);
}

/// An installer takes so many in one refresh; the rest comes with the next offers.
TEST_F(RepositoryViewTest, AnOfferHasNoMoreRootsThanOneRefreshTakes) {
  for (int i = 0; i < 40; ++i) repository_.rotate_root();
  repository_.publish();
  for (int i = 0; i < 2; ++i) result_of_run({.full_refresh = true});  // the agent takes 32 in a refresh, too
  const auto roots_above = [&](trust::RoleVersion version) {
    installer_.state.root_version = version;
    result_of_run({.full_refresh = true});
    std::vector<std::string> roots;
    for (const auto& [name, bytes] : installer_.offers.back()) {
      if (name.ends_with(".root.json")) roots.push_back(name);
    }
    return roots;
  };
  const auto first = roots_above(1);
  EXPECT_EQ(first.size(), 33U) << "those, and the one that counts now";
  EXPECT_THAT(first, Contains("metadata/33.root.json"));
  EXPECT_THAT(first, Not(Contains("metadata/34.root.json")));
  EXPECT_EQ(roots_above(33).size(), 8U);
}

}  // namespace
}  // namespace upswarm::agent
