// Some pieces of a package: what a sparse fetch takes, and what it leaves to the machines and requests after it.
#include "tests/agent/swarm/swarm_fixture.hpp"

namespace upswarm::agent {
namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kLength = 9 * kPiece + 12345;

class SwarmPiecesTest : public SwarmTest {
 protected:
  static Result<Downloaded> fetch_pieces(Machine& machine, const tests::TestPackage& package,
                                         std::vector<std::uint32_t> pieces, const DownloadSink& progress = {},
                                         std::stop_token stop = {}) {
    auto request = package.request;
    request.pieces = std::move(pieces);
    return machine.swarm->fetch(request, kPatience, progress, std::move(stop));
  }
  /// Whether those pieces of the file are right; what lies between them does not matter.
  static void expect_pieces(const Machine& machine, const tests::TestPackage& package,
                            const std::vector<std::uint32_t>& pieces, const Result<Downloaded>& got) {
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->path, machine.file(package));
    const auto bytes = machine.folder.read(got->path.filename().string());
    for (const auto piece : pieces) {
      const auto wanted = package.bytes.substr(piece * kPiece, kPiece);
      EXPECT_TRUE(bytes.size() >= piece * kPiece + wanted.size() &&
                  bytes.compare(piece * kPiece, wanted.size(), wanted) == 0)
          << piece;
    }
  }
};

TEST_F(SwarmPiecesTest, OnlyTheyAreFetchedByHttp) {
  origin.tracker_down = true;
  const auto package = tests::make_package(kLength, kPiece, 40);
  origin.serve(package);
  Machine a;
  open(a);
  std::vector<DownloadProgress> seen;
  const auto got = fetch_pieces(a, package, {0, 4, 5, 9}, [&](const DownloadProgress& now) { seen.push_back(now); });
  expect_pieces(a, package, {0, 4, 5, 9}, got);
  const Bytes wanted{3 * kPiece + 12345};
  EXPECT_EQ(got->by_source.origin_http, wanted);
  EXPECT_EQ(origin.bytes_sent(), wanted.count);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().done, wanted);
  EXPECT_EQ(seen.back().total, wanted);
}

TEST_F(SwarmPiecesTest, ANeighbourTakesThemFromWhoHasThemAlone) {
  const auto package = tests::make_package(kLength, kPiece, 41);
  origin.serve(package);
  origin.set_origin_port(1);
  Machine a;
  Machine b;
  open(a);
  expect_pieces(a, package, {1, 7}, fetch_pieces(a, package, {1, 7}));
  open_without_http(b);
  const auto got = fetch_pieces(b, package, {1, 7});
  expect_pieces(b, package, {1, 7}, got);
  EXPECT_EQ(got->by_source.site, Bytes{2 * kPiece});
  EXPECT_EQ(origin.bytes_sent(), 2 * kPiece);
}

TEST_F(SwarmPiecesTest, OfAWholePackageANeighbourTakesThemAlone) {
  const auto package = tests::make_package(kLength, kPiece, 42);
  origin.serve(package);
  origin.set_origin_port(1);
  Machine a;
  Machine b;
  open(a);
  expect_whole(a, package, fetch(a, package));
  open_without_http(b);
  const auto got = fetch_pieces(b, package, {3});
  expect_pieces(b, package, {3}, got);
  EXPECT_EQ(got->by_source.site, Bytes{kPiece});
  EXPECT_EQ(got->by_source.verified(), Bytes{kPiece});
}

TEST_F(SwarmPiecesTest, MoreOfThemAndThenTheWholeReuseWhatCame) {
  const auto package = tests::make_package(kLength, kPiece, 43);
  origin.serve(package);
  Machine a;
  open(a);
  expect_pieces(a, package, {0}, fetch_pieces(a, package, {0}));
  expect_pieces(a, package, {0, 6}, fetch_pieces(a, package, {0, 6}));
  EXPECT_EQ(origin.bytes_sent(), 2 * kPiece);
  expect_pieces(a, package, {6}, fetch_pieces(a, package, {6}));
  EXPECT_EQ(origin.bytes_sent(), 2 * kPiece);
  const auto got = fetch(a, package);
  expect_whole(a, package, got);
  EXPECT_EQ(origin.bytes_sent(), kLength);
  EXPECT_EQ(got->by_source.wasted, 0_B);
}

TEST_F(SwarmPiecesTest, TheyCountAgainAfterACleanEndAndAfterAKill) {
  for (const bool killed : {false, true}) {
    const auto package = tests::make_package(kLength, kPiece, killed ? 44 : 45);
    origin.serve(package);
    Machine a;
    open(a);
    expect_pieces(a, package, {2, 8}, fetch_pieces(a, package, {2, 8}));
    if (killed) kill(a);
    open(a);
    const auto before = origin.bytes_sent();
    const auto got = fetch_pieces(a, package, {2, 3, 8});
    expect_pieces(a, package, {2, 3, 8}, got);
    EXPECT_EQ(origin.bytes_sent(), before + kPiece);
    EXPECT_EQ(got->by_source.disk, Bytes{2 * kPiece});
    EXPECT_EQ(got->by_source.origin_http, Bytes{kPiece});
  }
}

TEST_F(SwarmPiecesTest, OnlyTheyNeedRoom) {
  const auto package = tests::make_package(100 * kPiece, kPiece, 46);
  origin.serve(package);
  Machine a;
  auto settings = settings_for(a);
  const auto free = system_files().free_space(a.folder.path());
  ASSERT_TRUE(free);
  settings.keep_free = *free - Bytes{50 * kPiece};  // room for some, as long as nobody else writes 50 MB
  open(a, settings);
  const auto whole = fetch(a, package);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().kind, ErrorKind::no_space);
  expect_pieces(a, package, {5}, fetch_pieces(a, package, {5}));
}

TEST_F(SwarmPiecesTest, OneThatIsSpoiltOnDiskIsFetchedAgainAfterAKill) {
  const auto package = tests::make_package(kLength, kPiece, 47);
  origin.serve(package);
  Machine a;
  open(a);
  expect_pieces(a, package, {2, 3}, fetch_pieces(a, package, {2, 3}));
  kill(a);
  spoil(a.file(package), 3 * kPiece + 7);
  open(a);
  expect_pieces(a, package, {2, 3}, fetch_pieces(a, package, {2, 3}));
  EXPECT_EQ(origin.bytes_sent(), 3 * kPiece);
}

}  // namespace
}  // namespace upswarm::agent
