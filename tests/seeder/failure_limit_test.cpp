#include "seeder/failure_limit.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.hpp"

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;

class FailureLimitTest : public testing::Test {
 protected:
  void fail(const std::string& address, std::int64_t times) {
    for (std::int64_t i = 0; i < times; ++i) limit.count_failure(make_address(address));
  }
  bool may_try(const std::string& address) { return limit.may_try(make_address(address)); }

  tests::FakeClock clock;
  FailureLimit limit{clock};
};

TEST_F(FailureLimitTest, ASiteOfFiveThousandWithAWrongTokenShutsNobodyOut) {
  for (int hour = 0; hour < 24; ++hour) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      fail("10.0.0.1", 5'000);
      EXPECT_TRUE(may_try("10.0.0.1")) << hour << " h";
      clock.advance(std::chrono::minutes(15));
    }
  }
}

TEST_F(FailureLimitTest, WhoeverFailsFasterShutsHimselfOutForAWhile) {
  fail("10.0.0.1", FailureLimit::kMostFailures - 1);
  EXPECT_TRUE(may_try("10.0.0.1"));
  fail("10.0.0.1", 1);
  EXPECT_FALSE(may_try("10.0.0.1"));
  EXPECT_FALSE(may_try("::ffff:10.0.0.1")) << "the same host";
  EXPECT_TRUE(may_try("10.0.0.2"));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(may_try("10.0.0.1"));
  fail("10.0.0.1", FailureLimit::kForgottenASecond);
  EXPECT_FALSE(may_try("10.0.0.1"));
}

TEST_F(FailureLimitTest, AClockTurnedBackForgetsNothing) {
  fail("10.0.0.1", FailureLimit::kMostFailures);
  clock.advance(-std::chrono::hours(1));
  EXPECT_FALSE(may_try("10.0.0.1"));
}

TEST_F(FailureLimitTest, AnIpv6HostHasItsWholeNetwork) {
  fail("2001:db8::1", FailureLimit::kMostFailures);
  EXPECT_FALSE(may_try("2001:db8::ffff:1"));
  EXPECT_TRUE(may_try("2001:db8:0:1::1"));
}

TEST_F(FailureLimitTest, ManyAddressesDoNotWashOneClean) {
  fail("192.168.0.1", FailureLimit::kMostFailures);
  for (std::size_t i = 0; i < FailureLimit::kMostAddresses + 100; ++i)
    limit.count_failure(boost::asio::ip::make_address_v4(static_cast<std::uint32_t>(0x0a000000 + i)));
  EXPECT_FALSE(may_try("192.168.0.1"));
}

}  // namespace
}  // namespace upswarm::seeder
