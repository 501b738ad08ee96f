#include "agent/put_off.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::days;
using std::chrono::hours;

class PutOffTest : public testing::Test {
 protected:
  PutOffTest() { entry_.max_defer_days = 7; }

  trust::Entry entry_ = tests::make_entry("1.1.0", 2);
  Time seen_{std::chrono::seconds(1'800'000'000)};
};

TEST_F(PutOffTest, NothingIsPutOffWithoutAWish) { EXPECT_FALSE(is_put_off(entry_, {}, seen_, seen_)); }

TEST_F(PutOffTest, ADeferralCountsUntilItsEnd) {
  const UserWish wish{seen_ + hours(2), ""};
  const auto put_off = is_put_off(entry_, wish, seen_, seen_ + hours(1));
  ASSERT_TRUE(put_off);
  EXPECT_EQ(put_off->until, seen_ + hours(2));
  EXPECT_FALSE(is_put_off(entry_, wish, seen_, seen_ + hours(2)));
}

TEST_F(PutOffTest, TheSignedEntryBoundsADeferral) {
  const UserWish wish{seen_ + days(300), ""};
  EXPECT_EQ(is_put_off(entry_, wish, seen_, seen_)->until, seen_ + days(7));
  EXPECT_FALSE(is_put_off(entry_, wish, seen_, seen_ + days(7)));
}

TEST_F(PutOffTest, AnUrgentReleaseIsNeverPutOff) {
  entry_.urgent = true;
  EXPECT_FALSE(is_put_off(entry_, {seen_ + hours(2), "1.1.0"}, seen_, seen_));
  EXPECT_FALSE(latest_put_off(entry_, seen_));
}

TEST_F(PutOffTest, APublisherMayForbidIt) {
  entry_.max_defer_days = 0;
  EXPECT_FALSE(is_put_off(entry_, {seen_ + hours(2), "1.1.0"}, seen_, seen_));
}

TEST_F(PutOffTest, ASkippedVersionStaysOutUntilThereIsANewerOne) {
  const UserWish wish{std::nullopt, "1.1.0"};
  const auto put_off = is_put_off(entry_, wish, seen_, seen_ + days(100));
  ASSERT_TRUE(put_off);
  EXPECT_FALSE(put_off->until);
  EXPECT_FALSE(is_put_off(tests::make_entry("1.2.0", 3), wish, seen_, seen_));
}

TEST_F(PutOffTest, AnAbsurdBoundDoesNotOverflow) {
  entry_.max_defer_days = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(latest_put_off(entry_, seen_), seen_ + kLongestDeferral);
}

}  // namespace
}  // namespace upswarm::agent
