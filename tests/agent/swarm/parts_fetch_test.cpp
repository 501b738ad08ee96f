#include "agent/parts_fetch.hpp"

#include "tests/agent/swarm/swarm_fixture.hpp"

namespace upswarm::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kLength = 5 * kPiece + 4321;

/// A tracker that knows nobody else, and an origin without BitTorrent.
class PartsFetchTest : public SwarmTest {
 protected:
  PartsFetchTest() {
    origin.serve(package);
    origin.set_origin_port(1);
    open(machine);
  }
  SignedPart part(std::size_t offset, std::size_t length) const {
    return {{Bytes{offset}, Bytes{length}}, sha256(std::string_view(package.bytes).substr(offset, length))};
  }
  Result<Downloaded> fetch_parts(std::vector<std::uint32_t> pieces, std::vector<SignedPart> parts,
                                 std::chrono::milliseconds patience = kPatience) {
    auto request = package.request;
    request.pieces = std::move(pieces);
    request.parts = std::move(parts);
    return machine.swarm->fetch(
        request, patience, [&](const DownloadProgress& now) { seen.push_back(now); }, stop.get_token());
  }
  void expect_parts(const std::vector<SignedPart>& parts) const {
    const auto bytes = machine.folder.read(PackageCache::file_name(package.request.file.sha256));
    for (const auto& [place, digest] : parts)
      EXPECT_EQ(sha256(std::string_view(bytes).substr(place.offset.count, place.length.count)), digest);
  }
  void expect_refused(const Result<Downloaded>& got, ErrorKind kind, const std::string& why) const {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, kind) << got.error().message();
    EXPECT_THAT(got.error().message(), HasSubstr(why));
  }

  tests::TestPackage package = tests::make_package(kLength, kPiece, 60);
  Machine machine;
  std::stop_source stop;
  std::vector<DownloadProgress> seen;
};

TEST_F(PartsFetchTest, BringsExactlyThem) {
  const std::vector parts{part(0, 1000), part(3 * kPiece - 500, 1500), part(kLength - 20, 20)};
  const auto got = fetch_parts({}, parts);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->path, machine.file(package));
  expect_parts(parts);
  EXPECT_EQ(origin.bytes_sent(), 2520U);
  EXPECT_EQ(got->by_source.origin_http, 2520_B);
  EXPECT_EQ(got->by_source.verified(), 2520_B);
  EXPECT_EQ(got->by_source.wasted, 0_B);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.front().done, 0_B);
  EXPECT_EQ(seen.back().done, 2520_B);
  EXPECT_EQ(seen.back().total, 2520_B);
}

TEST_F(PartsFetchTest, GoesWithPiecesAndTakesOfPartsWhatDoesNotLieInThem) {
  const std::vector parts{part(kPiece - 100, 300), part(2 * kPiece - 50, 100), part(4 * kPiece, 10)};
  const auto got = fetch_parts({1}, parts);
  ASSERT_TRUE(got) << got.error().message();
  expect_parts(parts);
  expect_parts({part(kPiece, kPiece)});
  EXPECT_EQ(origin.bytes_sent(), kPiece + 160);
  EXPECT_EQ(got->by_source.origin_http, Bytes{kPiece + 160});
  EXPECT_EQ(got->of_parts.origin_http, 160_B);
  EXPECT_GE(seen.front().total, Bytes{160});
  EXPECT_EQ(seen.back().done, Bytes{kPiece + 160});
}

TEST_F(PartsFetchTest, GapsThatItFetchesAreWaste) {
  const std::vector parts{part(1000, 20000), part(21500, 20000)};
  const auto got = fetch_parts({}, parts);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(origin.ranges_asked(), 1);
  EXPECT_EQ(got->by_source.origin_http, 40000_B);
  EXPECT_EQ(got->by_source.wasted, 500_B);
}

TEST_F(PartsFetchTest, WhatCameIsNotFetchedAgain) {
  const std::vector some{part(10, 1000), part(2 * kPiece, 1000)};
  ASSERT_TRUE(fetch_parts({}, some));
  auto more = some;
  more.push_back(part(4 * kPiece, 500));
  const auto got = fetch_parts({}, more);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(origin.bytes_sent(), 2500U);
  EXPECT_EQ(got->by_source.origin_http, 2500_B) << "in the same run it is the origin's";
  open(machine);
  const auto again = fetch_parts({}, more);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(origin.bytes_sent(), 2500U);
  EXPECT_EQ(again->by_source.disk, 2500_B);
  EXPECT_EQ(again->by_source.origin_http, 0_B);
}

TEST_F(PartsFetchTest, GoesOnAfterAKillAndMendsWhatWasSpoilt) {
  const std::vector parts{part(10, 1000), part(2 * kPiece, 1000), part(4 * kPiece, 1000)};
  origin.good_ranges = 2;
  expect_refused(fetch_parts({}, parts, 300ms), ErrorKind::unreachable, "nothing came");
  EXPECT_EQ(origin.bytes_sent(), 2000U);
  kill(machine);
  spoil(machine.file(package), 500);
  origin.good_ranges = 1000;
  open(machine);
  ASSERT_TRUE(fetch_parts({}, parts));
  expect_parts(parts);
  EXPECT_EQ(origin.bytes_sent(), 4000U);
}

TEST_F(PartsFetchTest, AWrongAnswerIsAskedForAgainAndSeveralEndIt) {
  const std::vector parts{part(10, 1000), part(2 * kPiece, 1000)};
  origin.wrong_answers = PartsFetch::kMostWrongAnswers - 1;
  const auto got = fetch_parts({}, parts);
  ASSERT_TRUE(got) << got.error().message();
  expect_parts(parts);
  EXPECT_EQ(got->by_source.origin_http, 2000_B);
  EXPECT_EQ(got->by_source.wasted, 2000_B);
  origin.wrong_bytes = true;
  expect_refused(fetch_parts({}, {part(kPiece, 1000)}), ErrorKind::corrupt, "other bytes than the signed ones");
  EXPECT_EQ(origin.ranges_asked(), 4 + PartsFetch::kMostWrongAnswers);
}

TEST_F(PartsFetchTest, AnOriginThatGivesNoRangesIsRefused) {
  origin.ignores_ranges = true;
  expect_refused(fetch_parts({}, {part(10, 1000)}), ErrorKind::corrupt, "more than the range");
  EXPECT_EQ(origin.ranges_asked(), PartsFetch::kMostWrongAnswers);
  origin.ignores_ranges = false;
  origin.ranges_status = 404;
  expect_refused(fetch_parts({}, {part(10, 1000)}), ErrorKind::not_found, "404");
}

TEST_F(PartsFetchTest, WaitsAsLongAsTheOriginAsksAndSaysSo) {
  origin.good_ranges = 0;
  expect_refused(fetch_parts({}, {part(10, 1000)}, 50ms), ErrorKind::unreachable, "come again later");
  EXPECT_THAT(seen.back().trouble, HasSubstr("come again later"));
}

TEST_F(PartsFetchTest, EndsWhenAskedTo) {
  stop.request_stop();
  expect_refused(fetch_parts({}, {part(10, 1000)}), ErrorKind::cancelled, "");
  EXPECT_EQ(origin.ranges_asked(), 0);
}

TEST_F(PartsFetchTest, NeedsRoom) {
  auto settings = settings_for(machine);
  settings.keep_free = Bytes{std::uint64_t{1} << 60U};
  open(machine, settings);
  expect_refused(fetch_parts({}, {part(10, 1000)}), ErrorKind::no_space, "to be left");
  EXPECT_EQ(origin.ranges_asked(), 0);
}

TEST_F(PartsFetchTest, TheWholePackageFollowsAndIsSeeded) {
  ASSERT_TRUE(fetch_parts({}, {part(10, 1000), part(2 * kPiece, 1000)}));
  expect_whole(machine, package, fetch(machine, package));
  EXPECT_EQ(origin.bytes_sent(), 2000 + kLength);
}

TEST_F(PartsFetchTest, ALookSaysWhetherAnybodyElseIsThere) {
  auto request = package.request;
  request.pieces = {1, 2};
  const auto alone = machine.swarm->look(request, {});
  ASSERT_TRUE(alone) << alone.error().message();
  EXPECT_EQ(alone->neighbours, 0);
  EXPECT_THAT(alone->held, IsEmpty());
  Machine other;
  open(other);
  request.pieces = {2, 3};
  ASSERT_TRUE(other.swarm->fetch(request, kPatience, {}, {}));
  const auto sent = origin.bytes_sent();
  request.pieces = {1, 2};
  const auto view = machine.swarm->look(request, {});
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ(view->neighbours, 1);
  EXPECT_THAT(view->held, ElementsAre(2, 3));
  EXPECT_EQ(origin.bytes_sent(), sent) << "a look costs the origin nothing";
}

TEST_F(PartsFetchTest, ALookFindsThoseWhoLackWhatIsWanted) {
  Machine other;
  open(other);
  auto request = package.request;
  request.pieces = {2, 3};
  ASSERT_TRUE(other.swarm->fetch(request, kPatience, {}, {}));
  request.pieces = {0};
  for (int round = 0; round < 5; ++round) {
    const auto view = machine.swarm->look(request, {});
    ASSERT_TRUE(view) << view.error().message();
    EXPECT_EQ(view->neighbours, 1);
    EXPECT_THAT(view->held, ElementsAre(2, 3)) << "in look " << round;
  }
}

TEST_F(PartsFetchTest, ALookEndsWithoutATracker) {
  origin.tracker_down = true;
  auto request = package.request;
  request.pieces = {1};
  const auto view = machine.swarm->look(request, {});
  ASSERT_TRUE(view) << view.error().message();
  EXPECT_EQ(view->neighbours, 0);
}

}  // namespace
}  // namespace upswarm::agent
