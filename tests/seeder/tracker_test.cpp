#include "seeder/tracker.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.hpp"

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;

const std::string kHash(20, '\x01');
const std::string kHashText = "%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01%01";
const std::string kGood = "info_hash=" + kHashText + "&peer_id=-UP0100-123456789012&port=6881&left=5";

TEST(Announce, ReadsWhatClientsSend) {
  const auto announce =
      parse_announce(kGood + "&uploaded=1&downloaded=2&event=started&numwant=7&compact=0&key=AB&ip=9.9.9.9");
  ASSERT_TRUE(announce) << announce.error().message();
  EXPECT_EQ(announce->info_hash, kHash);
  EXPECT_EQ(announce->peer_id, "-UP0100-123456789012");
  EXPECT_EQ(announce->port, 6881);
  EXPECT_EQ(announce->left, 5);
  EXPECT_EQ(announce->event, Announce::Event::started);
  EXPECT_EQ(announce->wanted, 7U);
  EXPECT_FALSE(announce->compact);
}

TEST(Announce, HasDefaults) {
  const auto announce = parse_announce(kGood);
  ASSERT_TRUE(announce);
  EXPECT_EQ(announce->wanted, 50U);
  EXPECT_TRUE(announce->compact);
  EXPECT_EQ(announce->event, Announce::Event::none);
}

TEST(Announce, RefusesHostileQueries) {
  const std::string rest = "&peer_id=-UP0100-123456789012&port=6881&left=5";
  const std::string who = "info_hash=" + kHashText + "&peer_id=-UP0100-123456789012";
  for (const auto& bad :
       {std::string(), std::string("info_hash=short") + rest, "info_hash=" + kHashText + "%01" + rest,
        kGood + "&info_hash=" + kHashText, kGood + "&port=1", who + "&port=65536&left=5", who + "&port=-1&left=5",
        who + "&port=0x50&left=5", who + "&port=6881", who + "&port=6881&left=99999999999999999999",
        kGood + "&event=exploded", kGood + "&numwant=-5", kGood + "&compact=2", kGood + "&x=%zz",
        kGood + "&x=" + std::string(3000, 'a')}) {
    EXPECT_FALSE(parse_announce(bad)) << bad;
  }
}

TEST(Announce, CapsTheNumberOfPeers) { EXPECT_EQ(parse_announce(kGood + "&numwant=100000")->wanted, 200U); }

class TrackerTest : public testing::Test {
 protected:
  TrackerTest() : tracker({.interval = std::chrono::seconds(30), .seeder_port = 6969}, clock) {
    tracker.track_only({kHash});
  }

  Announce of(std::uint16_t port, std::int64_t left = 5) {
    Announce announce;
    announce.info_hash = kHash;
    announce.peer_id = std::string(20, 'p');
    announce.port = port;
    announce.left = left;
    return announce;
  }
  std::string ask(const Announce& announce, const char* from = "10.0.0.1") {
    return tracker.answer(announce, make_address(from), make_address("10.0.0.9"));
  }

  tests::FakeClock clock;
  Tracker tracker;
};

const std::string kSeeder("\x0a\x00\x00\x09\x1b\x39", 6);  // 10.0.0.9:6969

TEST_F(TrackerTest, NamesTheSeederAtTheAddressThatWasReached) {
  EXPECT_EQ(ask(of(6881)), "d8:completei0e10:incompletei1e8:intervali30e12:min intervali10e5:peers6:" + kSeeder +
                               "14:upswarm origin6:" + kSeeder + "e");
}

TEST_F(TrackerTest, TellsPeersOfEachOtherButNotOfThemselves) {
  ask(of(6881), "10.0.0.1");
  const auto answer = ask(of(6882), "10.0.0.2");
  EXPECT_NE(answer.find("5:peers12:" + std::string("\x0a\x00\x00\x01\x1a\xe1", 6) + kSeeder), std::string::npos)
      << answer;
  EXPECT_EQ(ask(of(6882), "10.0.0.2").find(std::string("\x0a\x00\x00\x02", 4)), std::string::npos);
}

TEST_F(TrackerTest, TellsSeedsOfLeechersOnly) {
  ask(of(6881, 0), "10.0.0.1");
  EXPECT_NE(ask(of(6882, 0), "10.0.0.2").find("5:peers0:"), std::string::npos);
  ask(of(6883, 9), "10.0.0.3");
  EXPECT_NE(ask(of(6882, 0), "10.0.0.2").find("5:peers6:" + std::string("\x0a\x00\x00\x03", 4)), std::string::npos);
}

TEST_F(TrackerTest, ForgetsWhoStoppedAndWhoFellSilent) {
  ask(of(6881), "10.0.0.1");
  ask(of(6882), "10.0.0.2");
  auto stopped = of(6881);
  stopped.event = Announce::Event::stopped;
  EXPECT_NE(ask(stopped, "10.0.0.1").find("5:peers0:"), std::string::npos);
  EXPECT_EQ(tracker.count().peers, 1U);
  clock.advance(std::chrono::seconds(91));
  EXPECT_EQ(tracker.count().peers, 0U);
}

TEST_F(TrackerTest, DoesNotKnowOtherTorrents) {
  auto other = of(6881);
  other.info_hash = std::string(20, 'x');
  EXPECT_EQ(ask(other), "d14:failure reason30:this torrent is not known heree");
  tracker.track_only({});
  EXPECT_NE(ask(of(6881)).find("failure reason"), std::string::npos);
}

TEST_F(TrackerTest, SpeaksIPv6AndUnmapsIPv4) {
  tracker.answer(of(6881), make_address("fd00::1"), make_address("fd00::9"));
  tracker.answer(of(6882), make_address("::ffff:10.0.0.2"), make_address("::ffff:10.0.0.9"));
  const auto answer = ask(of(6883), "10.0.0.3");
  EXPECT_NE(answer.find("6:peers618:\xfd"), std::string::npos) << answer;
  EXPECT_NE(answer.find("5:peers12:" + std::string("\x0a\x00\x00\x02\x1a\xe2", 6)), std::string::npos) << answer;
}

TEST_F(TrackerTest, ListsPeersInFullWhenAsked) {
  auto announce = of(6881);
  announce.compact = false;
  EXPECT_NE(ask(announce).find("5:peersld2:ip8:10.0.0.97:peer id20:-UP0100-upswarmseed04:porti6969eee"),
            std::string::npos)
      << ask(announce);
}

TEST_F(TrackerTest, GivesNobodyToWhoWantsNobody) {
  auto announce = of(6881);
  announce.wanted = 0;
  EXPECT_NE(ask(announce).find("5:peers0:"), std::string::npos);
}

TEST_F(TrackerTest, HidesPeersThatCannotBeConnectedTo) {
  ask(of(0), "10.0.0.1");
  EXPECT_NE(ask(of(6882), "10.0.0.2").find("5:peers6:" + kSeeder), std::string::npos);
}

TEST_F(TrackerTest, APeerCountsOnceWhenItBecomesWhole) {
  ask(of(7001));
  EXPECT_TRUE(tracker.take_completed().empty());
  ask(of(7001, 0));
  ask(of(7001, 0));
  auto completed = of(7001, 0);
  completed.event = Announce::Event::completed;
  ask(completed);
  EXPECT_EQ(tracker.take_completed()[kHash], 1);
  EXPECT_TRUE(tracker.take_completed().empty());
}

TEST_F(TrackerTest, AMachineThatOnlySeedsAgainDoesNotCount) {
  auto started = of(7001, 0);
  started.event = Announce::Event::started;
  ask(started);
  EXPECT_TRUE(tracker.take_completed().empty());
}

TEST_F(TrackerTest, AMachineThatWasWholeBeforeItsFirstAnnounceCounts) {
  auto completed = of(7001, 0);
  completed.event = Announce::Event::completed;
  ask(completed);
  EXPECT_EQ(tracker.take_completed()[kHash], 1);
}

}  // namespace
}  // namespace upswarm::seeder
