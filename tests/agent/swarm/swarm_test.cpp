#include "agent/swarm.hpp"

#include "tests/agent/swarm/swarm_fixture.hpp"

namespace upswarm::agent {
namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kLength = 9 * kPiece + 12345;

TEST_F(SwarmTest, HttpAloneSuffices) {
  origin.tracker_down = true;
  const auto package = tests::make_package(kLength, kPiece, 1);
  origin.serve(package);
  Machine a;
  open(a);
  std::vector<DownloadProgress> seen;
  const auto got =
      a.swarm->fetch(package.request, kPatience, [&](const DownloadProgress& now) { seen.push_back(now); }, {});
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kLength});
  EXPECT_EQ(got->by_source.wasted, 0_B);
  EXPECT_EQ(origin.bytes_sent(), kLength);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().done, Bytes{kLength});
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].done, seen[i].by_source.verified());
    EXPECT_EQ(seen[i].total, Bytes{kLength});
    EXPECT_GE(seen[i].done, seen[i > 0 ? i - 1 : 0].done);
  }
}

TEST_F(SwarmTest, TheNextMachineTakesAllFromTheFirst) {
  const auto package = tests::make_package(kLength, kPiece, 2);
  origin.serve(package);
  origin.set_origin_port(1);
  Machine a;
  Machine b;
  open(a);
  expect_whole(a, package, fetch(a, package));
  open_without_http(b);
  const auto got = fetch(b, package);
  expect_whole(b, package, got);
  EXPECT_EQ(got->by_source.site, Bytes{kLength});
  EXPECT_EQ(origin.bytes_sent(), kLength);
}

TEST_F(SwarmTest, ThePeerThatTheTrackerNamesIsTheOrigin) {
  const auto package = tests::make_package(kLength, kPiece, 3);
  origin.serve(package);
  Machine a;
  Machine b;
  open(a);
  origin.set_origin_port(a.swarm->listen_port());
  expect_whole(a, package, fetch(a, package));
  open_without_http(b);
  const auto got = fetch(b, package);
  expect_whole(b, package, got);
  EXPECT_EQ(got->by_source.origin_bt, Bytes{kLength});
}

TEST_F(SwarmTest, WithoutANameThePeerAtTheSeedersAddressIsTheOrigin) {
  const auto package = tests::make_package(kPiece, kPiece, 4);
  origin.serve(package);
  Machine a;
  Machine b;
  open(a);
  expect_whole(a, package, fetch(a, package));
  open_without_http(b);
  const auto got = fetch(b, package);
  expect_whole(b, package, got);
  EXPECT_EQ(got->by_source.origin_bt, Bytes{kPiece});
}

TEST_F(SwarmTest, MachinesThatStartTogetherAllEnd) {
  const auto package = tests::make_package(4 * kLength, kPiece / 4, 5);
  origin.serve(package);
  Machine first;
  open(first);
  origin.set_origin_port(first.swarm->listen_port());
  expect_whole(first, package, fetch(first, package));
  std::array<Machine, 4> machines;
  std::array<Result<Downloaded>, 4> got{Error{}, Error{}, Error{}, Error{}};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      open_without_http(machines.at(i));
      threads.emplace_back([&, i] { got.at(i) = fetch(machines.at(i), package); });
    }
  }
  for (std::size_t i = 0; i < machines.size(); ++i) expect_whole(machines.at(i), package, got.at(i));
  EXPECT_EQ(origin.bytes_sent(), 4 * kLength);
}

TEST_F(SwarmTest, WhoHasAPackageIsKnownWithoutEnteringItsSwarm) {
  const auto package = tests::make_package(kPiece, kPiece, 6);
  const auto other = tests::make_package(kPiece, kPiece, 7);
  const auto id = package.request.file.info_hash;
  origin.serve(package);
  Machine a;
  Machine b;
  open(a);
  open(b);
  expect_whole(a, package, fetch(a, package));
  ASSERT_TRUE(origin.wait_for_announce("left=0"));
  const auto announced = origin.announces();
  const auto seeds = b.swarm->count_seeds({id, other.request.file.info_hash}, {});
  ASSERT_TRUE(seeds) << seeds.error().message();
  EXPECT_EQ(*seeds, (std::map<trust::InfoHash, int>{{id, 1}}));
  EXPECT_FALSE(origin.has_heard("event=stopped"));
  EXPECT_LE(origin.announces(), announced + 1) << "the first goes on announcing, the second has said nothing";
  origin.tracker_down = true;
  EXPECT_FALSE(b.swarm->count_seeds({id}, {}));
  EXPECT_TRUE(b.swarm->count_seeds({}, {})) << "there is nothing to ask";
}

class ResumeTest : public SwarmTest {
 protected:
  /// Fetches 4 of 10 pieces and cancels.
  void fetch_a_part(Machine& machine, const tests::TestPackage& package) {
    origin.serve(package);
    origin.good_ranges = 1;
    open(machine);
    std::stop_source stop;
    const auto got = machine.swarm->fetch(
        package.request, kPatience,
        [&](const DownloadProgress& now) {
          if (now.done > 0_B) stop.request_stop();
        },
        stop.get_token());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, ErrorKind::cancelled);
    origin.good_ranges = 1000;
  }

  void expect_resumed(Machine& machine, const tests::TestPackage& package) {
    const Bytes before{origin.bytes_sent()};
    const auto got = fetch(machine, package);
    expect_whole(machine, package, got);
    EXPECT_EQ(got->by_source.disk, before);
    EXPECT_EQ(got->by_source.origin_http, Bytes{kLength} - before);
    EXPECT_EQ(origin.bytes_sent(), kLength);
  }
};

TEST_F(ResumeTest, InTheSameRun) {
  const auto package = tests::make_package(kLength, kPiece, 6);
  Machine a;
  fetch_a_part(a, package);
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kLength});
  EXPECT_EQ(origin.bytes_sent(), kLength);
}

TEST_F(ResumeTest, AfterACleanEnd) {
  const auto package = tests::make_package(kLength, kPiece, 7);
  Machine a;
  fetch_a_part(a, package);
  open(a);
  expect_resumed(a, package);
}

TEST_F(ResumeTest, AfterAKill) {
  const auto package = tests::make_package(kLength, kPiece, 8);
  Machine a;
  fetch_a_part(a, package);
  kill(a);
  open(a);
  expect_resumed(a, package);
}

TEST_F(ResumeTest, AfterAKillAPieceThatTheDiskLostIsFetchedAgain) {
  const auto package = tests::make_package(kLength, kPiece, 9);
  origin.serve(package);
  Machine a;
  open(a);
  expect_whole(a, package, fetch(a, package));
  kill(a);
  spoil(a.file(package), 5 * kPiece + 10);
  open(a);
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.disk, Bytes{kLength - kPiece});
  EXPECT_EQ(got->by_source.origin_http, Bytes{kPiece});
}

TEST_F(SwarmTest, WhatIsThereIsNotFetchedAgain) {
  const auto package = tests::make_package(kLength, kPiece, 10);
  origin.serve(package);
  Machine a;
  open(a);
  expect_whole(a, package, fetch(a, package));
  const auto asked = origin.ranges_asked();
  expect_whole(a, package, fetch(a, package));
  open(a);
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(got->by_source.disk, Bytes{kLength});
  EXPECT_EQ(origin.ranges_asked(), asked);
}

TEST_F(SwarmTest, ADamagedFileThatResumeDataVouchForIsFoundAndDeleted) {
  const auto package = tests::make_package(kLength, kPiece, 11);
  origin.serve(package);
  Machine a;
  open(a);
  expect_whole(a, package, fetch(a, package));
  a.swarm.reset();
  spoil(a.file(package), 100);
  open(a);
  const auto got = fetch(a, package);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::corrupt);
  EXPECT_FALSE(std::filesystem::exists(a.file(package)));
  expect_whole(a, package, fetch(a, package));
}

TEST_F(SwarmTest, KeepOnlySeedsAndForgets) {
  const auto kept = tests::make_package(kLength, kPiece, 12);
  const auto gone = tests::make_package(kPiece, kPiece, 13);
  const auto absent = tests::make_package(kPiece, kPiece, 14);
  origin.serve(kept);
  origin.serve(gone);
  origin.set_origin_port(1);
  Machine a;
  Machine b;
  open(a);
  expect_whole(a, kept, fetch(a, kept));
  expect_whole(a, gone, fetch(a, gone));
  open(a);
  ASSERT_TRUE(a.swarm->keep_only({kept.request, absent.request}));
  EXPECT_TRUE(std::filesystem::exists(a.file(kept)));
  EXPECT_FALSE(std::filesystem::exists(a.file(gone)));
  EXPECT_FALSE(std::filesystem::exists(a.file(absent)));
  open_without_http(b);
  const auto got = fetch(b, kept);
  expect_whole(b, kept, got);
  EXPECT_EQ(got->by_source.site, Bytes{kLength});
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (a.swarm->uploaded() < Bytes{kLength} && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_GE(a.swarm->uploaded(), Bytes{kLength});
}

TEST_F(SwarmTest, ClosesInTime) {
  const auto package = tests::make_package(kPiece, kPiece, 15);
  origin.serve(package);
  Machine a;
  open(a);
  expect_whole(a, package, fetch(a, package));
  const auto begin = std::chrono::steady_clock::now();
  a.swarm.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_TRUE(origin.wait_for_announce("event=stopped"));
  EXPECT_TRUE(std::filesystem::exists(a.folder / "clean"));
}

}  // namespace
}  // namespace upswarm::agent
