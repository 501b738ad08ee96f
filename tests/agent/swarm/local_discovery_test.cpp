#include "agent/local_discovery.hpp"

#include "tests/agent/swarm/swarm_fixture.hpp"

namespace upswarm::agent {
namespace {

const MeetingLimits::Time kStart{24h};
const trust::InfoHash kOne(40, 'a');
const trust::InfoHash kTwo(40, 'b');

TEST(MeetingLimits, TenAtOnceThenOneEveryTwoSeconds) {
  MeetingLimits limits;
  int met = 0;
  for (int n = 0; n < 1000; ++n) met += limits.may_meet(kOne, "10.0.0." + std::to_string(n), kStart);
  EXPECT_EQ(met, 10);
  for (int n = 0; n < 60'000; ++n) {
    met += limits.may_meet(kOne, "10.1." + std::to_string(n), kStart + std::chrono::milliseconds(n));
  }
  EXPECT_EQ(met, 10 + 29);
  const auto later = kStart + 10min;
  met = 0;
  for (int n = 0; n < 1000; ++n) met += limits.may_meet(kOne, "10.2.0." + std::to_string(n), later);
  EXPECT_EQ(met, 10) << "pauses are not saved up";
}

TEST(MeetingLimits, OneAddressOnceAMinuteForAPackage) {
  MeetingLimits limits;
  EXPECT_TRUE(limits.may_meet(kOne, "10.0.0.1", kStart));
  EXPECT_FALSE(limits.may_meet(kOne, "10.0.0.1", kStart + 59s));
  EXPECT_TRUE(limits.may_meet(kTwo, "10.0.0.1", kStart + 59s));
  EXPECT_TRUE(limits.may_meet(kOne, "10.0.0.2", kStart + 59s));
  EXPECT_TRUE(limits.may_meet(kOne, "10.0.0.1", kStart + 60s));
}

TEST(CallPauses, GrowWhileAPackageIsLacked) {
  CallPauses pauses;
  std::vector<int> calls;
  for (int second = 0; second < 250; ++second) {
    if (pauses.is_due(kOne, kStart + std::chrono::seconds(second))) calls.push_back(second);
  }
  EXPECT_EQ(calls, (std::vector{0, 2, 6, 14, 30, 62, 122, 182, 242}));
  EXPECT_TRUE(pauses.is_due(kTwo, kStart + 250s)) << "another package";
  EXPECT_FALSE(pauses.is_due({}, kStart + 260s));
  EXPECT_TRUE(pauses.is_due(kTwo, kStart + 261s)) << "lacked again";
}

class LocalDiscoveryTest : public SwarmTest {
 protected:
  void open_on_lan(Machine& machine) {
    auto settings = settings_for(machine);
    settings.local_discovery = true;
    settings.http_after = 10min;
    open(machine, settings);
  }
};

TEST_F(LocalDiscoveryTest, FindsWhoHasAPackageWhileNoTrackerAnswers) {
  constexpr std::size_t kLength = (1 << 20) + 12345;
  const auto package = tests::make_package(kLength, 1 << 18, 1);
  origin.serve(package);
  Machine a;
  open(a);
  expect_whole(a, package, fetch(a, package));
  origin.tracker_down = true;
  open_on_lan(a);  // anew: nobody told it of others, nor others of it
  ASSERT_TRUE(a.swarm->keep_only({package.request}));
  Machine b;
  open_on_lan(b);
  const auto got = fetch(b, package);
  expect_whole(b, package, got);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->by_source.site, Bytes{kLength});
  EXPECT_EQ(origin.bytes_sent(), kLength);
}

}  // namespace
}  // namespace upswarm::agent
