#include "seeder/tracker.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_clock.hpp"

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;
using std::chrono::seconds;

const std::string kHash(20, '\x01');
const std::string kSeeder("\x0a\x00\x00\x09\x1b\x39", 6);  // 10.0.0.9:6969

/// The compact form of 10.0.0.N:PORT.
std::string peer(int last, std::uint16_t port) {
  return {'\x0a', '\0', '\0', static_cast<char>(last), static_cast<char>(port >> 8U), static_cast<char>(port & 0xFFU)};
}

bool says(const std::string& answer, const std::string& word) { return answer.find(word) != std::string::npos; }
bool leads(const std::string& answer) { return says(answer, "13:upswarm lease101:"); }

/// The compact IPv4 peers of an answer.
std::set<std::string> peers_of(const std::string& answer) {
  const auto key = answer.find("5:peers");
  const auto colon = answer.find(':', key + 7);
  const auto length = std::stoul(answer.substr(key + 7, colon - key - 7));
  std::set<std::string> peers;
  for (std::size_t at = 0; at < length; at += 6) peers.insert(answer.substr(colon + 1 + at, 6));
  return peers;
}

std::int64_t interval_of(const std::string& answer) {
  return std::stoll(answer.substr(answer.find("8:intervali") + 11));
}

class TrackerTest : public testing::Test {
 protected:
  TrackerTest() { restart({.interval = seconds(30), .seeder_port = 6969}); }

  void restart(TrackerSettings settings, const std::vector<NamedSite>& named = {}) {
    sites = SiteMap(named);
    tracker = std::make_unique<Tracker>(std::move(settings), sites, leases, clock);
    tracker->track_only({{kHash, 64_KiB}});
  }

  static Announce stranger(std::uint16_t port, std::int64_t left = 5) {
    Announce announce;
    announce.info_hash = kHash;
    announce.peer_id = std::string(20, 'p');
    announce.port = port;
    announce.left = left;
    return announce;
  }
  static Announce agent(std::uint16_t port, std::int64_t left = 5, const char* network = nullptr) {
    auto announce = stranger(port, left);
    announce.is_agent = true;
    if (network != nullptr) announce.network = *parse_interface(network);
    return announce;
  }
  static Announce stopped(Announce announce) {
    announce.event = Announce::Event::stopped;
    return announce;
  }
  std::string ask(const Announce& announce, const std::string& from = "10.0.0.1") {
    return tracker->answer(announce, make_address(from), make_address("10.0.0.9"));
  }

  tests::FakeClock clock;
  Leases leases{clock};
  SiteMap sites;
  std::unique_ptr<Tracker> tracker;
};

TEST_F(TrackerTest, TellsPeersOfEachOtherButNotOfThemselves) {
  ask(agent(6881), "10.0.0.1");
  EXPECT_EQ(peers_of(ask(agent(6882), "10.0.0.2")), std::set{peer(1, 6881)});
  EXPECT_EQ(peers_of(ask(agent(6881), "10.0.0.1")), std::set{peer(2, 6882)});
}

TEST_F(TrackerTest, GivesTheFirstOfASiteALeaseAndTheOrigin) {
  const auto first = ask(agent(6881), "10.0.0.1");
  EXPECT_TRUE(leads(first)) << first;
  EXPECT_TRUE(says(first, "21:upswarm lease secondsi15e"));
  EXPECT_TRUE(says(first, "14:upswarm origin6:" + kSeeder));
  EXPECT_TRUE(says(first, "12:upswarm site11:10.0.0.0/24"));
  EXPECT_TRUE(says(first, "14:upswarm rangesl11:10.0.0.0/24e"));
  const auto second = ask(agent(6881), "10.0.0.2");
  EXPECT_FALSE(leads(second));
  EXPECT_FALSE(says(second, "upswarm origin")) << second;
  EXPECT_FALSE(says(second, kSeeder));
  EXPECT_TRUE(says(second, "12:upswarm site11:10.0.0.0/24"));
  EXPECT_TRUE(leads(ask(agent(6881), "10.0.0.1"))) << "it goes on";
  EXPECT_TRUE(leads(ask(agent(6881), "10.0.1.1"))) << "another site";
  EXPECT_EQ(tracker->count().leaders, 2U);
}

TEST_F(TrackerTest, AScrapeTellsAnAgentOfItsSiteAndStrangersOfAll) {
  const std::string other(20, '\x02');
  Scrape scrape{.info_hashes = {kHash, other}, .is_agent = true, .network = {}};
  const auto asked_from = [&](const char* from) { return tracker->answer(scrape, make_address(from)); };
  const auto says_of_one = [](int seeds, int others) {
    return "d5:filesd20:" + kHash + "d8:completei" + std::to_string(seeds) + "e10:incompletei" +
           std::to_string(others) + "eeee";
  };
  EXPECT_EQ(asked_from("10.0.0.1"), says_of_one(0, 0)) << "what is not tracked is left out";
  ask(agent(6881, 0), "10.0.0.1");
  ask(agent(6881, 0), "10.0.0.2");
  ask(agent(6881), "10.0.0.3");
  ask(agent(6881, 0), "10.0.1.1");
  EXPECT_EQ(asked_from("10.0.0.9"), says_of_one(2, 1));
  EXPECT_EQ(asked_from("10.0.1.9"), says_of_one(1, 0));
  EXPECT_EQ(tracker->count().peers, 4U) << "who asks is no peer";
  scrape.is_agent = false;
  EXPECT_EQ(asked_from("10.9.0.9"), says_of_one(3, 1));
  clock.advance(seconds(120));
  scrape.is_agent = true;
  EXPECT_EQ(asked_from("10.0.0.9"), says_of_one(0, 0)) << "they have fallen silent";
}

TEST_F(TrackerTest, TheLeaseIsGoodAtTheOrigin) {
  const auto answer = ask(agent(6881));
  const auto token = answer.substr(answer.find("lease101:") + 9, 101);
  EXPECT_NE(leases.check(token, kHash), 0U);
  ask(stopped(agent(6881)));
  EXPECT_EQ(leases.check(token, kHash), 0U);
}

TEST_F(TrackerTest, PassesTheLeaseOnWhenTheOriginSendsNothing) {
  ask(agent(6881), "10.0.0.1");
  for (int n = 0; n < 4 && !leads(ask(agent(6881), "10.0.0.2")); ++n) clock.advance(seconds(2));
  EXPECT_TRUE(leads(ask(agent(6881), "10.0.0.2")));
  EXPECT_FALSE(leads(ask(agent(6881), "10.0.0.1")));
}

TEST_F(TrackerTest, PassesTheLeaseOnWhenItsHolderStopsOrHasTheWhole) {
  ask(agent(6881), "10.0.0.1");
  ask(stopped(agent(6881)), "10.0.0.1");
  EXPECT_TRUE(leads(ask(agent(6881), "10.0.0.2")));
  EXPECT_FALSE(leads(ask(agent(6881, 0), "10.0.0.2")));
  const auto next = ask(agent(6881), "10.0.0.3");
  EXPECT_FALSE(leads(next)) << "somebody has it";
  EXPECT_TRUE(says(next, "13:upswarm seedsi1e"));
}

TEST_F(TrackerTest, GivesNoLeaseToWhoMayNotLeadOrWantsNobody) {
  auto unwilling = agent(6881);
  unwilling.may_lead = false;
  EXPECT_FALSE(leads(ask(unwilling)));
  auto content = agent(6882);
  content.wanted = 0;
  EXPECT_FALSE(leads(ask(content)));
  EXPECT_FALSE(leads(ask(agent(0)))) << "nobody could connect to it";
  EXPECT_TRUE(leads(ask(agent(6883))));
}

TEST_F(TrackerTest, StrangersHearOfNothingNew) {
  const auto first = ask(stranger(6881), "10.0.0.1");
  EXPECT_EQ(first, "d8:completei0e10:incompletei1e8:intervali30e12:min intervali10e5:peers6:" + kSeeder + "e")
      << "it leads: its address is admitted";
  EXPECT_NE(leases.check(make_address("10.0.0.1"), kHash), 0U);
  EXPECT_EQ(peers_of(ask(stranger(6882), "10.0.0.2")), std::set{peer(1, 6881)});
  EXPECT_EQ(leases.check(make_address("10.0.0.2"), kHash), 0U);
  const auto next = ask(agent(6883), "10.0.0.3");
  EXPECT_FALSE(leads(next));
  EXPECT_EQ(peers_of(next).size(), 2U);
}

TEST_F(TrackerTest, AnOpenOriginIsToldToAllStrangersThatLackSomething) {
  restart({.seeder_port = 6969, .open_origin = true});
  ask(stranger(6881), "10.0.0.1");
  EXPECT_TRUE(says(ask(stranger(6882), "10.0.0.2"), kSeeder));
  EXPECT_FALSE(says(ask(stranger(6882, 0), "10.0.0.2"), kSeeder));
  EXPECT_FALSE(says(ask(agent(6883), "10.0.0.3"), kSeeder)) << "agents wait for a lease";
}

TEST_F(TrackerTest, TellsOnlyPeersOfTheSameSite) {
  ask(agent(6881), "10.0.0.1");
  ask(agent(6881), "10.0.1.1");
  EXPECT_EQ(peers_of(ask(agent(6882), "10.0.0.2")), std::set{peer(1, 6881)});
}

TEST_F(TrackerTest, TellsTheLeaderOfSitesThatHelp) {
  restart({.seeder_port = 6969},
          {{"centre", {*parse_network("10.0.0.0/25")}, {}}, {"branch", {*parse_network("10.0.0.128/25")}, {"centre"}}});
  ask(agent(6881, 0), "10.0.0.1");
  const auto leader = ask(agent(6881), "10.0.0.200");
  EXPECT_TRUE(leads(leader));
  EXPECT_EQ(peers_of(leader), std::set{peer(1, 6881)});
  EXPECT_TRUE(says(leader, "20:upswarm other rangesl11:10.0.0.0/25e")) << leader;
  const auto follower = ask(agent(6881), "10.0.0.201");
  EXPECT_EQ(peers_of(follower), std::set{peer(200, 6881)});
  EXPECT_FALSE(says(follower, "other ranges"));
  EXPECT_TRUE(peers_of(ask(agent(6882), "10.0.0.2")).contains(peer(1, 6881)));
  EXPECT_EQ(peers_of(ask(agent(6882), "10.0.0.2")).size(), 1U) << "help goes one way";
}

TEST_F(TrackerTest, BehindATranslationNeighboursGetPrivateAddresses) {
  const auto first = ask(agent(6881, 5, "192.168.7.20/24"), "203.0.113.5");
  EXPECT_TRUE(leads(first));
  EXPECT_TRUE(says(first, "14:upswarm rangesl14:192.168.7.0/24e")) << first;
  const auto second = ask(agent(6881, 5, "192.168.7.21/24"), "203.0.113.5");
  EXPECT_FALSE(leads(second)) << "the same site";
  EXPECT_EQ(peers_of(second), std::set{std::string("\xc0\xa8\x07\x14\x1a\xe1", 6)});
  EXPECT_TRUE(peers_of(ask(agent(6881, 5, "192.168.7.22/24"), "203.0.113.6")).empty()) << "another public address";
  EXPECT_EQ(tracker->count().peers, 3U);
}

TEST_F(TrackerTest, IgnoresAClaimedPublicAddress) {
  ask(agent(6881, 5, "198.51.100.9/24"), "10.0.0.1");
  EXPECT_EQ(peers_of(ask(agent(6882), "10.0.0.2")), std::set{peer(1, 6881)});
}

TEST_F(TrackerTest, TellsSeedsOfLeechersOnly) {
  ask(agent(6881, 0), "10.0.0.1");
  EXPECT_TRUE(peers_of(ask(agent(6882, 0), "10.0.0.2")).empty());
  ask(agent(6883, 9), "10.0.0.3");
  EXPECT_EQ(peers_of(ask(agent(6882, 0), "10.0.0.2")), std::set{peer(3, 6883)});
}

TEST_F(TrackerTest, ForgetsWhoStoppedAndWhoFellSilent) {
  ask(agent(6881), "10.0.0.1");
  ask(agent(6882), "10.0.0.2");
  ask(agent(6883, 0), "10.0.0.3");
  EXPECT_TRUE(peers_of(ask(stopped(agent(6881)), "10.0.0.1")).empty());
  EXPECT_EQ(tracker->count().peers, 2U);
  clock.advance(seconds(35));
  EXPECT_EQ(tracker->count().peers, 1U) << "who announces every two seconds is missed soon";
  clock.advance(seconds(60));
  EXPECT_EQ(tracker->count().peers, 0U);
  EXPECT_EQ(tracker->count().leaders, 0U);
}

TEST_F(TrackerTest, WaitsForStrangersThatAnnounceEveryFiveMinutes) {
  ask(stranger(6881), "10.0.0.1");
  clock.advance(seconds(305));
  EXPECT_EQ(peers_of(ask(agent(6882), "10.0.0.2")), std::set{peer(1, 6881)});
  clock.advance(seconds(400));
  EXPECT_EQ(tracker->count().peers, 0U);
}

TEST_F(TrackerTest, DoesNotKnowOtherTorrents) {
  auto other = agent(6881);
  other.info_hash = std::string(20, 'x');
  EXPECT_EQ(ask(other), "d14:failure reason30:this torrent is not known heree");
  const auto answer = ask(agent(6881));
  tracker->track_only({});
  EXPECT_TRUE(says(ask(agent(6881)), "failure reason"));
  EXPECT_EQ(leases.check(answer.substr(answer.find("lease101:") + 9, 101), kHash), 0U);
}

TEST_F(TrackerTest, SpeaksIPv6AndUnmapsIPv4) {
  ask(agent(6881), "fd00::1");
  EXPECT_TRUE(says(ask(agent(6882), "fd00::2"), "6:peers618:\xfd"));
  ask(agent(6882), "::ffff:10.0.0.2");
  EXPECT_EQ(peers_of(ask(agent(6883), "10.0.0.3")), std::set{peer(2, 6882)});
}

TEST_F(TrackerTest, ListsPeersInFullWhenAsked) {
  ask(agent(6881), "10.0.0.1");
  auto announce = stranger(6882);
  announce.compact = false;
  EXPECT_TRUE(
      says(ask(announce, "10.0.0.2"), "5:peersld2:ip8:10.0.0.17:peer id20:" + std::string(20, 'p') + "4:porti6881eee"));
}

TEST_F(TrackerTest, GivesNobodyToWhoWantsNobody) {
  ask(agent(6881), "10.0.0.1");
  auto announce = agent(6882);
  announce.wanted = 0;
  EXPECT_TRUE(peers_of(ask(announce, "10.0.0.2")).empty());
}

TEST_F(TrackerTest, HidesPeersThatCannotBeConnectedTo) {
  ask(agent(0), "10.0.0.1");
  EXPECT_TRUE(peers_of(ask(agent(6882), "10.0.0.2")).empty());
}

TEST_F(TrackerTest, APeerCountsOnceWhenItBecomesWhole) {
  ask(agent(7001));
  EXPECT_TRUE(tracker->take_completed().empty());
  ask(agent(7001, 0));
  ask(agent(7001, 0));
  auto completed = agent(7001, 0);
  completed.event = Announce::Event::completed;
  ask(completed);
  EXPECT_EQ(tracker->take_completed()[kHash], 1);
  EXPECT_TRUE(tracker->take_completed().empty());
}

TEST_F(TrackerTest, AMachineThatOnlySeedsAgainDoesNotCount) {
  auto started = agent(7001, 0);
  started.event = Announce::Event::started;
  ask(started);
  EXPECT_TRUE(tracker->take_completed().empty());
}

TEST_F(TrackerTest, AMachineThatWasWholeBeforeItsFirstAnnounceCounts) {
  auto completed = agent(7001, 0);
  completed.event = Announce::Event::completed;
  ask(completed);
  EXPECT_EQ(tracker->take_completed()[kHash], 1);
}

TEST_F(TrackerTest, AFloodFromOneAddressPushesNobodyOut) {
  ask(agent(6881), "10.0.0.1");
  for (std::uint16_t port = 1; port <= 1000; ++port) ask(agent(port), "10.0.0.66");
  EXPECT_EQ(tracker->count().peers, 1U + Tracker::kMostOfAnAddress);
  ask(agent(6882), "10.0.0.2");
  auto announce = agent(6883);
  announce.wanted = 200;
  const auto peers = peers_of(ask(announce, "10.0.0.3"));
  EXPECT_TRUE(peers.contains(peer(1, 6881)));
  EXPECT_TRUE(peers.contains(peer(2, 6882)));
  for (std::uint16_t port = 1; port <= 1000; ++port) ask(stopped(agent(port)), "10.0.0.66");
  EXPECT_EQ(tracker->count().peers, 3U) << "each was counted down as it was counted up";
}

TEST_F(TrackerTest, ALargeSiteAnnouncesAFewHundredTimesASecond) {
  EXPECT_EQ(interval_of(ask(agent(6881), "10.0.0.1")), 2);
  EXPECT_EQ(interval_of(ask(agent(6881, 0), "10.0.0.1")), 30);
  restart({.seeder_port = 6969}, {{"all", {*parse_network("10.0.0.0/8")}, {}}});
  std::string answer;
  for (int i = 0; i < 5000; ++i)
    answer = ask(agent(6881), "10.1." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1));
  EXPECT_EQ(interval_of(answer), 20);
  EXPECT_EQ(peers_of(answer).size(), 50U);
  EXPECT_EQ(interval_of(ask(agent(6881), "10.1.0.1")), 2) << "the leader renews its lease";
}

TEST_F(TrackerTest, InALargeSiteTheFirstFollowersHearOfTheLeader) {
  restart({.seeder_port = 6969}, {{"all", {*parse_network("10.0.0.0/8")}, {}}});
  const auto leader = peer(1, 6881);
  int told = 0;
  for (int i = 1; i <= 200; ++i) ask(agent(6881), "10.0.0." + std::to_string(i));
  for (int round = 0; round < 2; ++round) {
    told = 0;
    for (int i = 2; i <= 200; ++i)
      told += peers_of(ask(agent(6881), "10.0.0." + std::to_string(i))).contains(leader) ? 1 : 0;
  }
  EXPECT_GE(told, 20);
  EXPECT_LE(told, 20);
}

TEST_F(TrackerTest, EverybodyHearsOfEverybodyInASmallSite) {
  for (int i = 1; i <= 40; ++i) ask(agent(6881), "10.0.0." + std::to_string(i));
  for (int i = 1; i <= 40; ++i) EXPECT_EQ(peers_of(ask(agent(6881), "10.0.0." + std::to_string(i))).size(), 39U);
}

TEST_F(TrackerTest, ManyMachinesComeAndGoAndNothingIsLeft) {
  restart({.interval = seconds(30)}, {{"all", {*parse_network("10.0.0.0/8")}, {}}});
  std::mt19937 random(7);
  for (int n = 0; n < 20'000; ++n) {
    const auto i = random() % 600;
    auto announce = agent(6881, random() % 3 == 0 ? 0 : 5);
    if (random() % 5 == 0) announce = stopped(announce);
    ask(announce, "10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1));
    if (n % 100 == 0) clock.advance(seconds(1));
  }
  EXPECT_GT(tracker->count().peers, 100U);
  EXPECT_LE(tracker->count().leaders, 1U);
  clock.advance(seconds(200));
  EXPECT_EQ(tracker->count().peers, 0U);
  EXPECT_EQ(tracker->count().seeds, 0U);
  EXPECT_EQ(interval_of(ask(agent(6881))), 2) << "nobody is still counted as wanting";
}

}  // namespace
}  // namespace upswarm::seeder
