#include "agent/cache_rules.hpp"

#include <gmock/gmock.h>

#include "tests/agent/signed_repository.hpp"

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Time kNow = Time{} + std::chrono::hours(24 * 365 * 56);

class CacheRulesTest : public testing::Test {
 protected:
  /// Idle for so long; nothing: needed.
  Sha256 add(Bytes length, std::optional<std::chrono::hours> idle = {}) {
    CachedDownload one;
    one.request.file.sha256 = sha256("package " + std::to_string(downloads_.size()));
    one.request.file.length = length;
    one.complete = true;
    if (idle) one.idle_since = kNow - *idle;
    downloads_.push_back(one);
    return one.request.file.sha256;
  }
  std::vector<Sha256> dropped() const { return choose_dropped(downloads_, rules_, kNow); }

  CacheRules rules_{.age = 100h, .size = 1000_B};
  std::vector<CachedDownload> downloads_;
};

TEST_F(CacheRulesTest, WhatIsNeededStaysWhateverItsSize) {
  add(5000_B);
  EXPECT_THAT(dropped(), IsEmpty());
}

TEST_F(CacheRulesTest, WhatIsIdleStaysUntilItIsTooOld) {
  add(10_B, 99h);
  const auto old = add(10_B, 100h);
  const auto older = add(10_B, 101h);
  EXPECT_THAT(dropped(), ElementsAre(older, old));
}

TEST_F(CacheRulesTest, TheOldestGoUntilTheRestFits) {
  add(400_B);
  const auto older = add(300_B, 20h);
  const auto oldest = add(300_B, 30h);
  add(300_B, 10h);
  EXPECT_THAT(dropped(), ElementsAre(oldest));
  add(300_B, 1h);
  EXPECT_THAT(dropped(), ElementsAre(oldest, older));
}

TEST_F(CacheRulesTest, WhatIsNeededCountsForTheSize) {
  add(5000_B);
  const auto idle = add(1_B, 1h);
  EXPECT_THAT(dropped(), ElementsAre(idle));
}

TEST_F(CacheRulesTest, OfAPartialPackageOnlyWhatCameCounts) {
  add(900_B);
  add(5000_B, 1h);
  downloads_[1].way = "sparse";
  downloads_[1].bytes.origin_http = 60_B;
  downloads_[1].bytes.site = 40_B;
  EXPECT_THAT(dropped(), IsEmpty());
  downloads_[1].bytes.site = 41_B;
  EXPECT_THAT(dropped(), ElementsAre(downloads_[1].request.file.sha256));
}

TEST_F(CacheRulesTest, WhatNeverWasCompleteGoesAtOnce) {
  const auto part = add(10_B, 0h);
  downloads_[0].complete = false;
  EXPECT_THAT(dropped(), ElementsAre(part));
}

TEST_F(CacheRulesTest, NoSizeIsNoLimitAndNoAgeIsAtOnce) {
  rules_.size = 0_B;
  const auto idle = add(5000_B, 0h);
  EXPECT_THAT(dropped(), IsEmpty());
  rules_.age = 0h;
  EXPECT_THAT(dropped(), ElementsAre(idle));
}

TEST_F(CacheRulesTest, AClockThatWasSetBackDropsNothing) {
  add(10_B, -5h);
  EXPECT_THAT(dropped(), IsEmpty());
}

}  // namespace
}  // namespace upswarm::agent
