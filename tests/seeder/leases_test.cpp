#include "seeder/leases.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/fake_clock.hpp"

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;
using std::chrono::seconds;

const std::string kHash(20, '\x01');
const std::string kOther(20, '\x02');

class LeasesTest : public testing::Test {
 protected:
  LeaseId begin(const std::string& site = "a", const std::string& hash = kHash) {
    return leases.begin(hash, site, "machine", clock.now() + seconds(15));
  }
  tests::FakeClock clock;
  Leases leases{clock};
};

TEST_F(LeasesTest, ATokenIsGoodForItsTorrentAndTime) {
  const auto lease = begin();
  const auto token = leases.token(lease);
  EXPECT_EQ(leases.check(token, kHash), lease);
  EXPECT_EQ(leases.check(token, kOther), 0U);
  EXPECT_EQ(leases.check("", kHash), 0U);
  clock.advance(seconds(14));
  EXPECT_EQ(leases.check(token, kHash), lease);
  clock.advance(seconds(1));
  EXPECT_EQ(leases.check(token, kHash), 0U);
  EXPECT_FALSE(leases.is_live(lease));
  EXPECT_EQ(leases.token(lease), "");
}

TEST_F(LeasesTest, RenewingKeepsTheLeaseAndLetsTheOldTokenGo) {
  const auto lease = begin();
  const auto old = leases.token(lease);
  clock.advance(seconds(10));
  leases.renew(lease, clock.now() + seconds(15));
  const auto token = leases.token(lease);
  clock.advance(seconds(5));
  EXPECT_EQ(leases.check(old, kHash), 0U);
  EXPECT_EQ(leases.check(token, kHash), lease);
  EXPECT_TRUE(leases.is_live(lease));
}

TEST_F(LeasesTest, OneThatEndedIsRefusedAtOnce) {
  const auto lease = begin();
  const auto token = leases.token(lease);
  leases.end(lease);
  EXPECT_EQ(leases.check(token, kHash), 0U);
  EXPECT_FALSE(leases.is_live(lease));
  leases.count(lease, 5_B);
  leases.connected(lease);
  leases.disconnected(lease);
  EXPECT_FALSE(leases.standing(lease).is_live);
}

TEST_F(LeasesTest, TokensOfAnotherProcessAreStrange) {
  Leases before(clock);
  const auto lease = before.begin(kHash, "a", "machine", clock.now() + seconds(15));
  begin();
  EXPECT_EQ(leases.check(before.token(lease), kHash), 0U);
}

TEST_F(LeasesTest, CountsBytesOfEachLease) {
  const auto one = begin("a");
  const auto two = begin("b");
  leases.count(one, 100_B);
  leases.count(two, 1_B);
  leases.count(one, 20_B);
  EXPECT_EQ(leases.standing(one).sent, 120_B);
  EXPECT_EQ(leases.standing(two).sent, 1_B);
}

TEST_F(LeasesTest, AConnectionThatBrokeIsToldUntilMoreIsSent) {
  const auto lease = begin();
  EXPECT_FALSE(leases.standing(lease).cut_at);
  leases.connected(lease);
  leases.count(lease, 100_B);
  EXPECT_FALSE(leases.standing(lease).cut_at);
  leases.disconnected(lease);
  EXPECT_TRUE(leases.standing(lease).cut_at);
  leases.count(lease, 1_B);
  EXPECT_FALSE(leases.standing(lease).cut_at) << "it goes on by HTTP";
  leases.disconnected(lease);
  leases.connected(lease);
  EXPECT_FALSE(leases.standing(lease).cut_at);
}

TEST_F(LeasesTest, AnAddressIsAdmittedForOneTorrentAsLongAsItsLeaseLives) {
  const auto lease = begin();
  leases.admit(lease, make_address("10.0.0.1"));
  EXPECT_EQ(leases.check(make_address("10.0.0.1"), kHash), lease);
  EXPECT_EQ(leases.check(make_address("::ffff:10.0.0.1"), kHash), lease);
  EXPECT_EQ(leases.check(make_address("10.0.0.2"), kHash), 0U);
  EXPECT_EQ(leases.check(make_address("10.0.0.1"), kOther), 0U);
  leases.end(lease);
  EXPECT_EQ(leases.check(make_address("10.0.0.1"), kHash), 0U);
}

TEST_F(LeasesTest, ALaterLeaseOfAnAddressOutlivesTheEarlierOne) {
  const auto one = begin();
  leases.admit(one, make_address("10.0.0.1"));
  const auto two = begin();
  leases.admit(two, make_address("10.0.0.1"));
  leases.end(one);
  EXPECT_EQ(leases.check(make_address("10.0.0.1"), kHash), two);
}

TEST_F(LeasesTest, CountsFromSeveralThreads) {
  const auto lease = begin();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) leases.count(lease, 1_B);
    });
  }
  threads.clear();
  EXPECT_EQ(leases.standing(lease).sent, 4000_B);
}

}  // namespace
}  // namespace upswarm::seeder
