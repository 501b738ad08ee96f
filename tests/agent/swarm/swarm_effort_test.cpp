// What changes for a user who waits.
#include "protocol/base/traffic_mark.hpp"
#include "tests/agent/swarm/lease_origin.hpp"
#include "tests/agent/swarm/swarm_fixture.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/socket_marks.hpp"

namespace upswarm::agent {
namespace {

using tests::eventually;

constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kLength = 39 * kPiece + 12345;

class SwarmEffortTest : public SwarmTest {
 protected:
  /// Patient in the background, quick for a user.
  void open_patiently(Machine& machine) {
    auto settings = settings_for(machine);
    settings.http_after = 10min;
    settings.http_after_foreground = 100ms;
    open(machine, settings);
  }
};

TEST_F(SwarmEffortTest, HttpJoinsInSoonerForAUser) {
  origin.tracker_down = true;
  auto package = tests::make_package(kLength, kPiece, 90);
  origin.serve(package);
  Machine machine;
  open_patiently(machine);
  const auto in_vain = machine.swarm->fetch(package.request, 1s, {}, {});
  ASSERT_FALSE(in_vain);
  EXPECT_EQ(in_vain.error().kind, ErrorKind::unreachable);
  package.request.is_foreground = true;
  const auto got = fetch(machine, package);
  ASSERT_TRUE(got) << got.error().message();
  expect_whole(machine, package, got);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kLength});
}

TEST_F(SwarmEffortTest, AUserWhoComesLaterHurriesWhatIsUnderWay) {
  origin.tracker_down = true;
  const auto package = tests::make_package(kLength, kPiece, 91);
  origin.serve(package);
  Machine machine;
  open_patiently(machine);
  Result<Downloaded> got{Error{}};
  std::jthread fetching([&] { got = fetch(machine, package); });
  EXPECT_TRUE(origin.wait_for_announce("numwant=50"));
  EXPECT_EQ(origin.ranges_asked(), 0);
  machine.swarm->set_effort(Effort::foreground);
  fetching.join();
  expect_whole(machine, package, got);
}

TEST_F(SwarmEffortTest, TheConnectionToTheOriginIsMadeAnewForAUserWhoComesLater) {
  origin.set_more({{"upswarm site", "4:home"}});
  const auto package = tests::make_package(kLength, kPiece, 92);
  tests::LeaseOrigin peer(package, "token", 128 << 10);
  Machine machine;
  open_without_http(machine);
  origin.set_leader(machine.swarm->listen_port(), "token", peer.port());
  std::stop_source stop;
  std::jthread fetching([&] { ignore_failure(fetch(machine, package, stop.get_token()), "stopped"); });
  EXPECT_TRUE(eventually([&] { return peer.asked().size() > 1; }));
  EXPECT_THAT(tests::marks_towards(peer.port()), testing::ElementsAre(kLowerEffort));
  EXPECT_EQ(peer.foreground(), 0);
  machine.swarm->set_effort(Effort::foreground);
  EXPECT_TRUE(eventually([&] { return peer.foreground() == 1; }));
  EXPECT_THAT(tests::marks_towards(peer.port()), testing::ElementsAre(kDefaultEffort));
  stop.request_stop();
}

}  // namespace
}  // namespace upswarm::agent
