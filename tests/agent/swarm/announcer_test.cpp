#include "agent/announcer.hpp"

#include <gmock/gmock.h>

#include <atomic>

#include "tests/agent/swarm/test_origin.hpp"

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kId = "000102030405060708090a0b0c0d0e0f10111213";

TEST(AnnounceUrl, SaysEverythingOnce) {
  const AnnounceQuery query{kId, "-UP0100-abcdefghijkl", 6881, {10_B, 20_B, 30_B, true, false}, "started"};
  const auto url = announce_url("http://seeder:8080/", query);
  EXPECT_THAT(url, HasSubstr("http://seeder:8080/announce?info_hash=%00%01%02"));
  EXPECT_THAT(url, HasSubstr("&peer_id=%2d%55%50"));
  EXPECT_THAT(url, HasSubstr("&port=6881&uploaded=10&downloaded=20&left=30&compact=1&numwant=50&event=started"));
  EXPECT_THAT(announce_url("http://s", {kId, "x", 1, {}, ""}), Not(HasSubstr("event")));
}

TEST(AnnounceAnswer, ReadsPeersOfBothFamiliesAndTheOrigin) {
  using namespace std::string_literals;
  const auto body =
      "d8:intervali90e12:min intervali7e5:peers12:\x0a\0\0\1\x1a\xe1\x0a\0\0\2\0\0"
      "6:peers618:\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
      "14:upswarm origin6:\xc0\x00\x02\x05\x1a\xe2"
      "e"s;
  const auto answer = parse_announce_answer(body);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_THAT(answer->peers, ElementsAre(Endpoint{"10.0.0.1", 6881}, Endpoint{"fe80::1", 6881}));  // port 0 is left out
  EXPECT_EQ(answer->interval, 90s);
  EXPECT_EQ(answer->min_interval, 7s);
  EXPECT_EQ(answer->origin, (Endpoint{"192.0.2.5", 6882}));
}

TEST(AnnounceAnswer, RefusesWhatIsNoAnswer) {
  for (const auto* bad : {"", "i1e", "le", "d5:peersleee", "d5:peers5:12345e", "d5:peersi1ee", "d6:peers66:123456e",
                          "d8:interval1:xe", "d14:upswarm origin3:abce", "<html>"}) {
    const auto answer = parse_announce_answer(bad);
    ASSERT_FALSE(answer) << bad;
    EXPECT_EQ(answer.error().kind, ErrorKind::corrupt) << bad;
  }
  const auto refused = parse_announce_answer("d14:failure reason7:unknowne");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::denied);
  EXPECT_EQ(refused.error().cause, "unknown");
}

TEST(AnnounceAnswer, ATrackersWordsAreShortAndHarmless) {
  const auto escape = parse_announce_answer("d14:failure reason6:\x1b[2Jx\ne");
  EXPECT_EQ(escape.error().cause, "?[2Jx?");
  const auto endless = parse_announce_answer("d14:failure reason5000:" + std::string(5000, 'a') + "e");
  EXPECT_EQ(endless.error().cause.size(), 200U);
}

TEST(AnnounceAnswer, KeepsIntervalsWithinReason) {
  EXPECT_EQ(parse_announce_answer("d8:intervali0ee")->interval, 1s);
  EXPECT_EQ(parse_announce_answer("d8:intervali99999999ee")->interval, 3600s);
  EXPECT_EQ(parse_announce_answer("d8:intervali-5ee")->interval, 1s);
  EXPECT_EQ(parse_announce_answer("de")->interval, 60s);
}

TEST(AnnounceDelay, FollowsNeedAndFailures) {
  const AnnounceAnswer answer{{}, 120s, 5s, {}};
  const AnnounceStats lonely{{}, {}, 1_B, true, false};
  const AnnounceStats served{{}, {}, 1_B, true, true};
  const AnnounceStats seeding{};
  EXPECT_EQ(announce_delay(answer, lonely, 0), 5s);
  EXPECT_EQ(announce_delay(answer, served, 0), 120s);
  EXPECT_EQ(announce_delay(answer, seeding, 0), 120s);
  EXPECT_EQ(announce_delay(answer, lonely, 1), 2s);
  EXPECT_EQ(announce_delay(answer, lonely, 3), 8s);
  EXPECT_EQ(announce_delay(answer, seeding, 1000), 300s);
}

TEST(Announcer, TellsTheWholeLifeOfATorrent) {
  tests::TestOrigin origin;
  const auto http = make_http_client({});
  std::atomic<std::uint64_t> left = 100;
  {
    Announcer announcer(*http, origin.url(), {"0.0.0.0", 7001});
    announcer.add(
        kId,
        [&] {
          return AnnounceStats{{}, {}, Bytes{left}, left > 0, false};
        },
        [](const AnnounceAnswer&) {});
    EXPECT_TRUE(origin.wait_for_announce("left=100&compact=1&numwant=50&event=started"));
    left = 0;
    announcer.hurry(kId);
    EXPECT_TRUE(origin.wait_for_announce("left=0&compact=1&numwant=0&event=completed"));
    EXPECT_EQ(announcer.trouble(kId), "");
  }
  EXPECT_TRUE(origin.wait_for_announce("event=stopped"));
}

TEST(Announcer, SaysStoppedForARemovedTorrentOnly) {
  tests::TestOrigin origin;
  const auto http = make_http_client({});
  Announcer announcer(*http, origin.url(), {"0.0.0.0", 7001});
  const auto other = std::string(38, '0') + "ff";
  for (const auto& id : {kId, other}) {
    announcer.add(
        id, [] { return AnnounceStats{}; }, [](const AnnounceAnswer&) {});
  }
  ASSERT_TRUE(origin.wait_for_announce("info_hash=%00%01%02"));
  ASSERT_TRUE(origin.wait_for_announce("%00%00%ff"));
  announcer.remove(other);
  EXPECT_TRUE(origin.wait_for_announce("event=stopped"));
}

TEST(Announcer, RecoversFromADeadTracker) {
  tests::TestOrigin origin;
  origin.tracker_down = true;
  const auto http = make_http_client({});
  std::atomic<int> answers = 0;
  Announcer announcer(*http, origin.url(), {"0.0.0.0", 7001});
  announcer.add(
      kId, [] { return AnnounceStats{}; }, [&](const AnnounceAnswer&) { ++answers; });
  ASSERT_TRUE(origin.wait_for_announce("event=started"));
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (announcer.trouble(kId).empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_THAT(announcer.trouble(kId), HasSubstr("HTTP status 500"));
  EXPECT_EQ(answers, 0);
  origin.tracker_down = false;
  announcer.hurry(kId);
  while (answers == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace upswarm::agent
