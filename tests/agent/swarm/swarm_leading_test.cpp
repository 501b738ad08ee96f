// Machines of a site whose tracker knows sites: one leads, the others know each other.
#include "protocol/base/traffic_mark.hpp"
#include "tests/agent/swarm/lease_origin.hpp"
#include "tests/agent/swarm/swarm_fixture.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/socket_marks.hpp"

namespace upswarm::agent {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;
using tests::eventually;

constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kLength = 39 * kPiece + 12345;

class SwarmLeadingTest : public SwarmTest {
 protected:
  SwarmLeadingTest() { origin.set_more({{"upswarm site", "4:home"}}); }

  /// A machine that has the package.
  void open_with(Machine& machine, const tests::TestPackage& package) {
    origin.serve(package);
    open(machine);
    expect_whole(machine, package, fetch(machine, package));
  }
  static bool is_rising(const std::vector<std::uint32_t>& pieces) { return std::ranges::is_sorted(pieces); }
};

TEST_F(SwarmLeadingTest, OnlyTheLeaderFetchesFromTheOriginAndInOrder) {
  const auto package = tests::make_package(kLength, kPiece, 60);
  tests::LeaseOrigin peer(package, "token-1");
  std::array<Machine, 3> machines;
  for (auto& machine : machines) open_without_http(machine);
  origin.set_leader(machines[0].swarm->listen_port(), "token-1", peer.port());
  std::array<Result<Downloaded>, 3> got{Error{}, Error{}, Error{}};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < machines.size(); ++i)
      threads.emplace_back([&, i] { got.at(i) = fetch(machines.at(i), package); });
  }
  for (std::size_t i = 0; i < machines.size(); ++i) expect_whole(machines.at(i), package, got.at(i));
  EXPECT_EQ(got[1]->by_source.site, Bytes{kLength});
  EXPECT_EQ(got[2]->by_source.site, Bytes{kLength});
  EXPECT_GT(got[0]->by_source.origin_bt, 0_B);
  EXPECT_TRUE(is_rising(peer.asked()));
  EXPECT_EQ(peer.refused(), 0);
  EXPECT_TRUE(eventually([&] { return peer.connected() == 0; })) << "who has all needs the origin no more";
}

TEST_F(SwarmLeadingTest, WhoLosesTheLeaseIsDisconnectedAndAnotherGoesOn) {
  const auto package = tests::make_package(kLength, kPiece, 61);
  tests::LeaseOrigin peer(package, "token", 1 << 20);
  Machine a;
  Machine b;
  open_without_http(a);
  open_without_http(b);
  origin.set_leader(a.swarm->listen_port(), "token", peer.port());
  std::stop_source stop;
  Result<Downloaded> of_a{Error{}};
  std::jthread first([&] { of_a = fetch(a, package, stop.get_token()); });
  ASSERT_TRUE(eventually([&] { return peer.asked().size() > 5; }));
  origin.set_leader(b.swarm->listen_port(), "token", peer.port());
  ASSERT_TRUE(eventually([&] { return peer.connected() == 0; }));
  const auto of_b = fetch(b, package);
  expect_whole(b, package, of_b);
  first.join();
  expect_whole(a, package, of_a);
  EXPECT_GT(of_a->by_source.site, 0_B);
  EXPECT_LT(of_a->by_source.origin_bt, Bytes{kLength});
}

TEST_F(SwarmLeadingTest, ASuccessorTakesFromNeighboursWhatTheyHave) {
  const auto package = tests::make_package(kLength, kPiece, 62);
  tests::LeaseOrigin peer(package, "token");
  origin.serve(package);
  Machine a;
  Machine b;
  open(a);
  open(b);
  auto some = package.request;
  for (std::uint32_t piece = 0; piece < 20; ++piece) some.pieces.push_back(piece);
  ASSERT_TRUE(b.swarm->fetch(some, kPatience, {}, {}));
  some.pieces = {39};
  ASSERT_TRUE(a.swarm->fetch(some, kPatience, {}, {}));
  open_without_http(a);
  origin.set_leader(a.swarm->listen_port(), "token", peer.port());
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.site, Bytes{20 * kPiece});
  EXPECT_EQ(got->by_source.origin_bt, Bytes{19 * kPiece});
  EXPECT_THAT(peer.asked(), SizeIs(19));
  EXPECT_TRUE(is_rising(peer.asked()));
}

TEST_F(SwarmLeadingTest, AnAnswerToWhoAskedForNobodyDoesNotSayThatNobodyIsThere) {
  const auto package = tests::make_package(kLength, kPiece, 63);
  Machine a;
  Machine b;
  open_with(a, package);
  open_without_http(b);
  auto first = package.request;
  first.pieces = {0};
  origin.hold("left=" + std::to_string(kLength - kPiece));
  ASSERT_TRUE(b.swarm->fetch(first, kPatience, {}, {}));
  ASSERT_TRUE(origin.wait_for_announce("left=" + std::to_string(kLength - kPiece)));
  const auto got = b.swarm->fetch(package.request, kPatience, [&](const DownloadProgress&) { origin.hold(""); }, {});
  expect_whole(b, package, got);
  EXPECT_EQ(got->by_source.site, Bytes{kLength});
  EXPECT_EQ(got->by_source.origin_http, 0_B);
}

TEST_F(SwarmLeadingTest, WhoMayNotUploadGivesNothingUntilItMay) {
  const auto package = tests::make_package(kLength, kPiece, 70);
  Machine a;
  Machine b;
  open_with(a, package);
  Manners manners;
  manners.may_upload = false;
  a.swarm->behave(manners);
  open(b);
  const auto by_http = fetch(b, package);
  expect_whole(b, package, by_http);
  EXPECT_EQ(by_http->by_source.origin_http, Bytes{kLength});
  b.swarm->behave(manners);
  a.swarm->behave({});
  Machine c;
  open_without_http(c);
  const auto by_peers = fetch(c, package);
  expect_whole(c, package, by_peers);
  EXPECT_EQ(by_peers->by_source.site, Bytes{kLength});
  EXPECT_TRUE(eventually([&] { return a.swarm->uploaded() == Bytes{kLength}; })) << "all of it by the one that may";
}

TEST_F(SwarmLeadingTest, WhoMayNotLeadSaysSo) {
  const auto package = tests::make_package(kLength, kPiece, 71);
  origin.serve(package);
  Machine a;
  open(a);
  Manners manners;
  manners.may_lead = false;
  a.swarm->behave(manners);
  origin.good_ranges = 0;
  Result<Downloaded> got{Error{}};
  std::jthread fetching([&] { got = fetch(a, package); });
  EXPECT_TRUE(origin.wait_for_announce("numwant=50"));
  origin.good_ranges = 1 << 30;
  fetching.join();
  expect_whole(a, package, got);
  EXPECT_FALSE(origin.has_heard("lead=1"));
}

TEST_F(SwarmLeadingTest, WhoIsNotOfTheSiteIsLeftAlone) {
  const auto package = tests::make_package(kLength, kPiece, 63);
  Machine a;
  Machine b;
  open_with(a, package);
  origin.set_more({{"upswarm site", "4:home"}, {"upswarm ranges", "l10:10.0.0.0/8e"}});
  open(b);
  const auto got = fetch(b, package);
  expect_whole(b, package, got);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kLength});
}

TEST_F(SwarmLeadingTest, BytesOfAnotherSiteAreASourceOfTheirOwn) {
  const auto package = tests::make_package(kLength, kPiece, 64);
  Machine a;
  Machine b;
  open_with(a, package);
  origin.set_more({{"upswarm site", "4:home"},
                   {"upswarm ranges", "l10:10.0.0.0/8e"},
                   {"upswarm other ranges", "l11:127.0.0.0/8e"}});
  open_without_http(b);
  const auto got = fetch(b, package);
  expect_whole(b, package, got);
  EXPECT_EQ(got->by_source.other, Bytes{kLength});
}

TEST_F(SwarmLeadingTest, WhatNobodyWaitsForIsMarkedAndWhatAUserWaitsForIsNot) {
  auto package = tests::make_package(kLength, kPiece, 76);
  tests::LeaseOrigin peer(package, "token", 1 << 20);
  Machine machine;
  open_without_http(machine);
  origin.set_leader(machine.swarm->listen_port(), "token", peer.port());
  /// The marks of the machine's connection to the origin, while it fetches.
  const auto marks = [&](bool is_foreground) {
    package.request.is_foreground = is_foreground;
    const auto asked = peer.asked().size();
    std::stop_source stop;
    std::jthread fetching([&] { ignore_failure(fetch(machine, package, stop.get_token()), "stopped"); });
    EXPECT_TRUE(eventually([&] { return peer.asked().size() > asked; }));
    auto found = tests::marks_towards(peer.port());
    stop.request_stop();
    return found;
  };
  EXPECT_THAT(marks(false), testing::ElementsAre(kLowerEffort));
  EXPECT_EQ(peer.foreground(), 0);
  EXPECT_TRUE(eventually([&] { return peer.connected() == 0; }));
  EXPECT_THAT(marks(true), testing::ElementsAre(kDefaultEffort));
  EXPECT_EQ(peer.foreground(), 1);
}

TEST_F(SwarmLeadingTest, AMachineThatIsAloneAsksByHttpAtOnce) {
  const auto package = tests::make_package(kLength, kPiece, 66);
  origin.serve(package);
  Machine a;
  open_without_http(a);
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kLength});
  EXPECT_THAT(origin.leases(), Each(""));
}

TEST_F(SwarmLeadingTest, ALeaderSaysItsLeaseByHttpToo) {
  const auto package = tests::make_package(kLength, kPiece, 67);
  origin.serve(package);
  Machine a;
  open_without_http(a);
  origin.set_leader(a.swarm->listen_port(), "token", 0);
  expect_whole(a, package, fetch(a, package));
  EXPECT_THAT(origin.leases(), Each("746f6b656e"));
  EXPECT_THAT(origin.leases(), Not(IsEmpty()));
}

TEST_F(SwarmLeadingTest, ALeaderWhomTheOriginIgnoresFetchesByHttp) {
  const auto package = tests::make_package(kLength, kPiece, 68);
  tests::LeaseOrigin peer(package, "another token");
  origin.serve(package);
  Machine a;
  open_without_http(a);
  origin.set_leader(a.swarm->listen_port(), "token", peer.port());
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kLength});
  EXPECT_GT(peer.refused(), 0);
}

}  // namespace
}  // namespace upswarm::agent
