#include "agent/swarm.hpp"

#include "protocol/base/hex.hpp"
#include "tests/agent/swarm/swarm_fixture.hpp"

namespace upswarm::agent {
namespace {

using testing::HasSubstr;

constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kLength = 5 * kPiece + 77;

class SwarmFaultsTest : public SwarmTest {
 protected:
  SwarmFaultsTest() {
    origin.serve(package);
    open(machine);
  }
  Result<Downloaded> try_fetch(std::chrono::milliseconds patience) {
    return machine.swarm->fetch(package.request, patience, [&](const DownloadProgress& now) { last = now; }, {});
  }

  tests::TestPackage package = tests::make_package(kLength, kPiece, 100);
  Machine machine;
  DownloadProgress last;
};

TEST_F(SwarmFaultsTest, ATorrentThatIsNotTheSignedOneIsRefused) {
  const auto other = tests::make_package(kLength, kPiece, 101);
  const auto refused = [&](const DownloadRequest& request) {
    const auto got = machine.swarm->fetch(request, kPatience, {}, {});
    return !got && got.error().kind == ErrorKind::corrupt && got.error().reason == "torrent";
  };
  auto request = package.request;
  request.torrent = other.request.torrent;
  EXPECT_TRUE(refused(request));
  for (const auto* bytes : {"", "d4:infoe", "garbage", "d4:infod6:lengthi5eee"}) {
    request.torrent = bytes;
    EXPECT_TRUE(refused(request)) << bytes;
  }
  request = package.request;
  request.file.length += 1_B;
  EXPECT_TRUE(refused(request));
  request = package.request;
  request.file.piece_length = Bytes{kPiece * 2};
  EXPECT_TRUE(refused(request));
  request.file.piece_length = 0_B;
  EXPECT_TRUE(refused(request));
  EXPECT_EQ(origin.ranges_asked(), 0);
}

TEST_F(SwarmFaultsTest, ATorrentOfTwoFilesIsRefused) {
  const std::string pieces = tests::sha1("ab");
  const auto info =
      "d5:filesld6:lengthi1e4:pathl1:aeed6:lengthi1e4:pathl1:beee4:name1:n12:piece lengthi16384e6:pieces20:" + pieces +
      "e";
  DownloadRequest request = package.request;
  request.torrent = "d4:info" + info + "e";
  request.file.length = 2_B;
  request.file.piece_length = 16_KiB;
  request.file.info_hash = to_hex(as_bytes(tests::sha1(info)));
  const auto got = machine.swarm->fetch(request, kPatience, {}, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(got.error().message(), HasSubstr("not one file"));
}

TEST_F(SwarmFaultsTest, APortInUseIsNamed) {
  Machine second;
  auto settings = settings_for(second);
  settings.listen_port = machine.swarm->listen_port();
  const auto opened = open_libtorrent_swarm(settings, *http);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::busy);
  EXPECT_THAT(opened.error().message(), HasSubstr("127.0.0.1:" + std::to_string(settings.listen_port)));
}

TEST_F(SwarmFaultsTest, AnAddressThatIsNotThisMachinesIsInvalid) {
  Machine second;
  auto settings = settings_for(second);
  settings.listen_address = "192.0.2.1";
  const auto opened = open_libtorrent_swarm(settings, *http);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
}

TEST_F(SwarmFaultsTest, ACacheInUseIsBusy) {
  const auto opened = open_libtorrent_swarm(settings_for(machine), *http);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::busy);
}

TEST_F(SwarmFaultsTest, NoSpaceIsSaidBeforeTheFirstByte) {
  auto settings = settings_for(machine);
  settings.keep_free = Bytes{1ULL << 60U};
  open(machine, settings);
  const auto got = try_fetch(kPatience);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::no_space);
  EXPECT_THAT(got.error().message(), HasSubstr(machine.folder.path().string()));
  EXPECT_EQ(origin.bytes_sent(), 0U);
}

TEST_F(SwarmFaultsTest, ADiskThatIsFullEndsTheFetchAndNamesTheFile) {
  std::filesystem::create_symlink("/dev/full", machine.file(package));
  const auto got = try_fetch(kPatience);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::no_space) << got.error().message();
  EXPECT_THAT(got.error().message(), HasSubstr(machine.file(package).string()));
  std::filesystem::remove(machine.file(package));
  const auto again = try_fetch(kPatience);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->by_source.verified(), Bytes{kLength});
}

TEST_F(SwarmFaultsTest, WrongBytesFromTheOriginAreCountedAndNotKept) {
  origin.wrong_bytes = true;
  const auto got = try_fetch(2s);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(last.done, 0_B);
  EXPECT_GE(last.by_source.wasted, Bytes{2 * kPiece});
  origin.wrong_bytes = false;
  const auto again = try_fetch(kPatience);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->by_source.origin_http, Bytes{kLength});
}

TEST_F(SwarmFaultsTest, NobodyHasItIsUnreachableWithBothReasons) {
  origin.tracker_down = true;
  origin.ranges_status = 404;
  const auto got = try_fetch(2s);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(got.error().message(), HasSubstr("HTTP status 404"));
  EXPECT_THAT(got.error().message(), HasSubstr("HTTP status 500"));
}

TEST_F(SwarmFaultsTest, AnOriginThatRationsIsAskedAgainLater) {
  origin.good_ranges = 1;
  std::atomic<int> denied = 0;
  const auto got = machine.swarm->fetch(package.request, kPatience,
                                        [&](const DownloadProgress&) {
                                          if (origin.ranges_asked() >= 2 && denied++ == 0) origin.good_ranges = 1000;
                                        },
                                        {});
  expect_whole(machine, package, got);
  EXPECT_GE(origin.ranges_asked(), 3);
}

TEST_F(SwarmFaultsTest, StopsWhenAsked) {
  origin.ranges_status = 503;
  std::stop_source stop;
  const auto got = machine.swarm->fetch(
      package.request, kPatience, [&](const DownloadProgress&) { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::cancelled);
}

TEST_F(SwarmFaultsTest, StopsWhenThePackageIsNoLongerWanted) {
  origin.good_ranges = 1;
  bool dropped = false;
  const auto got = machine.swarm->fetch(package.request, kPatience,
                                        [&](const DownloadProgress& now) {
                                          if (now.done == 0_B || dropped) return;
                                          dropped = true;
                                          EXPECT_TRUE(machine.swarm->keep_only({}));
                                        },
                                        {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(machine.file(package)));
}

TEST_F(SwarmFaultsTest, APeerThatSendsWrongBytesIsLeftAndTheRestComesFromTheOrigin) {
  ASSERT_TRUE(try_fetch(kPatience));
  machine.swarm.reset();  // closed cleanly, so that its resume data will vouch for what comes now
  for (std::size_t piece = 0; piece * kPiece < kLength; ++piece) {
    spoil(machine.file(package), static_cast<std::streamoff>(piece * kPiece));
  }
  open(machine);
  ASSERT_TRUE(machine.swarm->keep_only({package.request}));
  origin.set_origin_port(1);
  Machine second;
  auto settings = settings_for(second);
  settings.http_after = 3s;
  open(second, settings);
  const auto got = fetch(second, package);
  expect_whole(second, package, got);
  EXPECT_EQ(got->by_source.site, 0_B);
  EXPECT_GE(got->by_source.wasted, Bytes{kPiece});
}

TEST_F(SwarmFaultsTest, APeerThatDripsDoesNotKeepHttpOut) {
  ASSERT_TRUE(try_fetch(kPatience));
  Manners drips;
  of(drips.rates, Traffic::site).upload = 12 << 10;
  open(machine);
  machine.swarm->behave(drips);
  ASSERT_TRUE(machine.swarm->keep_only({package.request}));
  origin.set_origin_port(1);
  Machine second;
  auto settings = settings_for(second);
  settings.http_after = 4s;  // a block takes 1.3 s
  open(second, settings);
  std::stop_source stop;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto got = second.swarm->fetch(
      package.request, kPatience,
      [&](const DownloadProgress&) {
        if (std::chrono::steady_clock::now() > deadline) stop.request_stop();
      },
      stop.get_token());
  ASSERT_TRUE(got) << got.error().message();
  expect_whole(second, package, got);
  EXPECT_GT(got->by_source.site, 0_B);
  EXPECT_GT(got->by_source.origin_http, Bytes{4 * kPiece});
}

}  // namespace
}  // namespace upswarm::agent
