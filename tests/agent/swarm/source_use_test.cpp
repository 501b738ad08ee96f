#include "agent/source_use.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace upswarm::agent {
namespace {

class SourceUseTest : public testing::Test {
 protected:
  SourceUse source(const std::string& name) const {
    const auto all = describe_sources(facts);
    const auto found = std::ranges::find(all, name, &SourceUse::name);
    EXPECT_NE(found, all.end()) << name;
    return found == all.end() ? SourceUse{} : *found;
  }
  void expect_says(const std::string& name, const std::string& words) const {
    EXPECT_NE(source(name).says.find(words), std::string::npos) << source(name).says;
  }
  static PeerUse peer(const std::string& address, ByteSource source) {
    return {.endpoint = {address, 6881}, .source = source, .is_interesting = true};
  }

  SourceFacts facts{
      .knows_sites = true, .named = 2, .trouble = {}, .http_after = std::chrono::seconds(10), .state = {}, .peers = {}};
};

TEST_F(SourceUseTest, AFollowerTakesFromNeighbours) {
  facts.state.bytes.site = 1_MiB;
  auto giving = peer("10.0.0.2", ByteSource::site);
  giving.bytes_per_second = 1 << 20;
  facts.peers = {giving, peer("10.1.0.3", ByteSource::other_site)};
  EXPECT_TRUE(source("neighbours").is_used);
  expect_says("neighbours", "the tracker names 2, 2 connected, 1 giving");
  EXPECT_TRUE(source("10.0.0.2:6881").is_used);
  EXPECT_FALSE(source("10.1.0.3:6881, of another site").is_used);
  EXPECT_FALSE(source("origin, BitTorrent").is_used);
  expect_says("origin, BitTorrent", "another machine of the site leads");
  expect_says("origin, HTTP", "for 10");
}

TEST_F(SourceUseTest, AnOriginThatDoesNotAnswerByHttpSaysWhyAndUntilWhen) {
  HttpStanding standing;
  EXPECT_EQ(standing.words(), "");
  standing.note("it rations", std::chrono::hours(1));
  facts.http_trouble = standing.words();
  expect_says("origin, HTTP", "it rations; it is asked again in ");
  standing.note("no route", {});
  EXPECT_EQ(standing.words(), "no route");
  standing.note("", {});
  EXPECT_EQ(standing.words(), "");
}

TEST_F(SourceUseTest, WhoIsShutOutIsNamedWithTheReasonAndTheEndOfIt) {
  facts.shut_out = {{"10.0.0.7", "it sends nothing", std::chrono::seconds(60), true},
                    {"10.0.0.8", "it lies", std::chrono::minutes(10)}};
  EXPECT_FALSE(source("10.0.0.7").is_used);
  EXPECT_EQ(source("10.0.0.7").says, "shut out: it sends nothing; let in again in 60 s, or when it connects by itself");
  EXPECT_EQ(source("10.0.0.8").says, "shut out: it lies; let in again in 10 min");
}

TEST_F(SourceUseTest, ALeaderSaysSo) {
  facts.leads = true;
  expect_says("origin, BitTorrent", "the origin is not connected");
  auto origin = peer("10.9.0.1", ByteSource::origin_bt);
  origin.bytes_per_second = 5 << 20;
  facts.peers = {origin};
  facts.state.bytes.origin_bt = 1_MiB;
  EXPECT_TRUE(source("origin, BitTorrent").is_used);
  expect_says("origin, BitTorrent", "this machine leads its site: gives");
  EXPECT_EQ(describe_sources(facts).size(), 3U) << "the origin is no neighbour";
}

TEST_F(SourceUseTest, SaysWhatIsInTheWay) {
  facts.named.reset();
  expect_says("neighbours", "has not answered yet");
  facts.trouble = "connection refused";
  expect_says("neighbours", "connection refused");
  facts.knows_sites = false;
  expect_says("origin, BitTorrent", "not before the seeder has said who leads");
  facts.may_lead = false;
  expect_says("origin, BitTorrent", "must not lead");
  facts.is_alone = true;
  expect_says("origin, HTTP", "nobody else is here");
}

TEST_F(SourceUseTest, EachPeerHasItsReason) {
  auto choking = peer("10.0.0.2", ByteSource::site);
  choking.chokes_us = true;
  auto dull = peer("10.0.0.3", ByteSource::site);
  dull.is_interesting = false;
  auto coming = peer("10.0.0.4", ByteSource::site);
  coming.is_connecting = true;
  facts.peers = {choking, dull, coming, peer("10.0.0.5", ByteSource::site)};
  expect_says("10.0.0.2:6881", "gives to others first");
  expect_says("10.0.0.3:6881", "nothing that is lacking here");
  expect_says("10.0.0.4:6881", "being connected");
  expect_says("10.0.0.5:6881", "gives nothing just now");
}

TEST_F(SourceUseTest, TellsOfSomePeersOfMany) {
  for (int i = 0; i < 100; ++i) facts.peers.push_back(peer("10.0.1." + std::to_string(i), ByteSource::site));
  EXPECT_EQ(describe_sources(facts).size(), kMostPeersTold + 3);
}

}  // namespace
}  // namespace upswarm::agent
