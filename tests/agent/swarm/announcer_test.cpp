#include "agent/announcer.hpp"

#include <gmock/gmock.h>

#include <atomic>

#include "protocol/base/hex.hpp"
#include "tests/agent/swarm/test_origin.hpp"

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kId = "000102030405060708090a0b0c0d0e0f10111213";

TEST(AnnounceTarget, SaysEverythingOnce) {
  const AnnounceQuery query{kId,       "-UP0100-abcdefghijkl", 6881, {10_B, 20_B, 30_B, true, true},
                            "started", "10.1.2.3/24"};
  const auto target = announce_target(query);
  EXPECT_THAT(target, StartsWith("/announce?info_hash=%00%01%02"));
  EXPECT_THAT(target, HasSubstr("&peer_id=%2d%55%50"));
  EXPECT_THAT(target, EndsWith("&port=6881&uploaded=10&downloaded=20&left=30&compact=1&numwant=50&event=started"
                               "&upswarm=1&lead=1&network=10.1.2.3/24"));
  EXPECT_THAT(announce_target({kId, "x", 1, {}, "", ""}), EndsWith("&numwant=0&upswarm=1&lead=0"));
}

TEST(HostOf, IsTheNameAlone) {
  EXPECT_EQ(host_of("https://seeder.test:8443/under"), "seeder.test");
  EXPECT_EQ(host_of("http://[fd00::1]:80"), "fd00::1");
  EXPECT_EQ(host_of("seeder"), "");
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

TEST(AnnounceAnswer, ReadsTheSiteAndTheLease) {
  const auto answer = parse_announce_answer(
      "d13:upswarm lease5:token21:upswarm lease secondsi20e20:upswarm other rangesl11:10.2.0.0/16e"
      "14:upswarm rangesl11:10.1.0.0/169:fd00::/64e12:upswarm site4:homee");
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->lease, (GrantedLease{"token", 20s}));
  EXPECT_EQ(answer->site, "home");
  EXPECT_THAT(*answer->ranges, ElementsAre(*parse_network("10.1.0.0/16"), *parse_network("fd00::/64")));
  EXPECT_THAT(answer->other_ranges, ElementsAre(*parse_network("10.2.0.0/16")));
  const auto of_before = parse_announce_answer("de");
  EXPECT_FALSE(of_before->site || of_before->lease || of_before->ranges);
}

TEST(AnnounceAnswer, ALeaseAndASiteAreWithinLimits) {
  const auto text = [](std::size_t length) { return std::to_string(length) + ":" + std::string(length, 'a'); };
  EXPECT_TRUE(parse_announce_answer("d13:upswarm lease" + text(128) + "12:upswarm site" + text(100) + "e"));
  std::string networks;
  for (int i = 0; i < 101; ++i) networks += "10:10.0.0.0/8";
  for (const auto& bad :
       {"d13:upswarm lease" + text(129) + "e", std::string("d13:upswarm lease0:e"),
        std::string("d13:upswarm leasei1ee"), "d12:upswarm site" + text(101) + "e",
        std::string("d14:upswarm rangesl7:10.1/16ee"), std::string("d14:upswarm rangesli1eee"),
        std::string("d14:upswarm ranges0:e"), "d14:upswarm rangesl" + networks + "ee",
        std::string("d20:upswarm other rangesi1ee"), std::string("d13:upswarm lease1:t21:upswarm lease seconds1:1e")}) {
    const auto answer = parse_announce_answer(bad);
    ASSERT_FALSE(answer) << bad;
    EXPECT_EQ(answer.error().kind, ErrorKind::corrupt) << bad;
  }
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

TEST(ScrapeTarget, NamesEachTorrent) {
  const auto target = scrape_target({kId, kId}, "10.1.2.3/24");
  EXPECT_THAT(target, StartsWith("/scrape?upswarm=1&network=10.1.2.3/24&info_hash=%00%01%02"));
  EXPECT_THAT(target, EndsWith("&info_hash=%00%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%12%13"));
  EXPECT_EQ(scrape_target({}, ""), "/scrape?upswarm=1");
}

TEST(ScrapeAnswer, ReadsWhoHasWhichTorrent) {
  const std::string a(20, 'a');
  const auto seeds = parse_scrape_answer("d5:filesd20:" + a + "d8:completei3e10:incompletei9eeee");
  ASSERT_TRUE(seeds) << seeds.error().message();
  EXPECT_THAT(*seeds, ElementsAre(std::pair{to_hex(as_bytes(a)), 3}));
  EXPECT_TRUE(parse_scrape_answer("d5:filesdee")->empty());
}

TEST(ScrapeAnswer, RefusesWhatIsNone) {
  const std::string a(20, 'a');
  std::string many;
  for (char c = 'a'; c < 'a' + 25; ++c) many += "20:" + std::string(20, c) + "d8:completei1ee";
  for (const auto& bad :
       {std::string("de"), std::string("d5:filesi1ee"), std::string("d5:filesd5:shortd8:completei1eeee"),
        "d5:filesd20:" + a + "deee", "d5:filesd20:" + a + "d8:completei-1eeee",
        "d5:filesd20:" + a + "d8:completei1000001eeee", "d5:filesd20:" + a + "d8:complete1:1eee",
        "d5:filesd20:" + a + "i1eee", "d5:filesd" + many + "ee", std::string("<html>")}) {
    const auto seeds = parse_scrape_answer(bad);
    ASSERT_FALSE(seeds) << bad;
    EXPECT_EQ(seeds.error().kind, ErrorKind::corrupt) << bad;
  }
  EXPECT_EQ(parse_scrape_answer("d14:failure reason7:unknowne").error().kind, ErrorKind::denied);
}

TEST(AnnounceDelay, FollowsNeedAndFailures) {
  AnnounceAnswer answer;
  answer.interval = 120s;
  answer.min_interval = 5s;
  const AnnounceStats lonely{{}, {}, 1_B, true, false};
  const AnnounceStats seeding{};
  EXPECT_EQ(announce_delay(answer, lonely, 0), 5s);
  answer.site = "home";
  EXPECT_EQ(announce_delay(answer, lonely, 0), 120s) << "a tracker that knows sites says what it wants";
  answer.lease = {"token", 6s};
  EXPECT_EQ(announce_delay(answer, lonely, 0), 3s);
  answer.lease.reset();
  answer.site.reset();
  EXPECT_EQ(announce_delay(answer, seeding, 0), 120s);
  EXPECT_EQ(announce_delay(answer, lonely, 1), 2s);
  EXPECT_EQ(announce_delay(answer, lonely, 3), 8s);
  EXPECT_EQ(announce_delay(answer, seeding, 1000), 300s);
}

AnnouncerSettings settings_of(const tests::TestOrigin& origin) {
  return {.seeder_url = origin.url(), .listen = {"0.0.0.0", 7001}};
}

TEST(Announcer, TellsTheWholeLifeOfATorrent) {
  tests::TestOrigin origin;
  const auto http = make_http_client({});
  std::atomic<std::uint64_t> left = 100;
  {
    Announcer announcer(*http, settings_of(origin));
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

TEST(Announcer, SignsWhenItWouldLeadAndNamesItsNetwork) {
  tests::TestOrigin origin;
  const auto http = make_http_client({});
  auto settings = settings_of(origin);
  std::atomic<int> asked = 0;
  settings.network = [&] {
    ++asked;
    return std::string("10.1.2.3/24");
  };
  settings.sign = [](const std::string& method, const std::string& target) {
    return std::vector<std::pair<std::string, std::string>>{{"Upswarm-Signature", method + target.substr(0, 9)}};
  };
  Announcer announcer(*http, settings);
  std::atomic<bool> may_lead = true;
  announcer.add(
      kId,
      [&] {
        return AnnounceStats{{}, {}, 1_B, true, may_lead};
      },
      [](const AnnounceAnswer&) {});
  ASSERT_TRUE(origin.wait_for_announce("lead=1&network=10.1.2.3/24"));
  EXPECT_EQ(origin.last_header("upswarm-signature"), "GET/announce");
  may_lead = false;
  announcer.hurry(kId);
  ASSERT_TRUE(origin.wait_for_announce("lead=0&network=10.1.2.3/24"));
  EXPECT_EQ(origin.last_header("upswarm-signature"), "");
  EXPECT_EQ(asked, 1);
}

TEST(Announcer, WhoDownloadsDoesNotWaitForASlowAnswerAboutAnother) {
  tests::TestOrigin origin;
  const auto http = make_http_client({});
  Announcer announcer(*http, settings_of(origin));
  const auto other = std::string(38, '0') + "ff";
  origin.hold("%00%00%ff");
  announcer.add(
      other, [] { return AnnounceStats{}; }, [](const AnnounceAnswer&) {});
  ASSERT_TRUE(origin.wait_for_announce("%00%00%ff"));
  announcer.add(
      kId,
      [] {
        return AnnounceStats{{}, {}, 1_B, true, false};
      },
      [](const AnnounceAnswer&) {});
  EXPECT_TRUE(origin.wait_for_announce("info_hash=%00%01%02"));
  origin.hold("");
}

TEST(Announcer, SaysStoppedForARemovedTorrentOnly) {
  tests::TestOrigin origin;
  const auto http = make_http_client({});
  Announcer announcer(*http, settings_of(origin));
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
  Announcer announcer(*http, settings_of(origin));
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
