#include "seeder/announce.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

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

TEST(Announce, ReadsWhatAgentsSay) {
  const auto plain = parse_announce(kGood);
  EXPECT_FALSE(plain->is_agent);
  EXPECT_TRUE(plain->may_lead);
  const auto agent = parse_announce(kGood + "&upswarm=1&network=192.168.7.20%2F24&lead=0");
  ASSERT_TRUE(agent) << agent.error().message();
  EXPECT_TRUE(agent->is_agent);
  EXPECT_FALSE(agent->may_lead);
  ASSERT_TRUE(agent->network);
  EXPECT_EQ(agent->network->address, boost::asio::ip::make_address("192.168.7.20"));
  EXPECT_EQ(agent->network->prefix, 24U);
  EXPECT_TRUE(parse_announce(kGood + "&upswarm=1")->may_lead);
  EXPECT_FALSE(parse_announce(kGood + "&upswarm=1")->network);
}

TEST(Announce, RefusesAgentsThatSpeakBadly) {
  for (const auto* bad : {"&upswarm=2", "&upswarm=yes", "&upswarm=1&lead=2", "&upswarm=1&network=10.0.0.1",
                          "&upswarm=1&network=10.0.0.1/33", "&upswarm=1&network=", "&upswarm=1&network=fe80::1%25x/64"})
    EXPECT_FALSE(parse_announce(kGood + bad)) << bad;
  EXPECT_TRUE(parse_announce(kGood + "&network=mine&lead=lead")) << "words of others mean nothing here";
}

TEST(Scrape, ReadsWhatIsAskedFor) {
  const auto stranger = parse_scrape("info_hash=" + kHashText + "&network=mine");
  ASSERT_TRUE(stranger) << stranger.error().message();
  EXPECT_EQ(stranger->info_hashes, std::vector{kHash});
  EXPECT_FALSE(stranger->is_agent);
  const auto agent =
      parse_scrape("upswarm=1&info_hash=" + kHashText + "&info_hash=" + kHashText + "&network=192.168.7.20/24");
  ASSERT_TRUE(agent) << agent.error().message();
  EXPECT_EQ(agent->info_hashes.size(), 2U);
  EXPECT_TRUE(agent->is_agent);
  EXPECT_EQ(agent->network->prefix, 24U);
}

TEST(Scrape, RefusesHostileQueries) {
  const auto one = "info_hash=" + kHashText;
  std::string many = one;
  for (int i = 0; i < 24; ++i) many += "&" + one;
  for (const auto& bad : {std::string(), std::string("upswarm=1"), std::string("info_hash=short"), many,
                          one + "&info_hash=", one + "&upswarm=2", one + "&upswarm=1&upswarm=1",
                          one + "&upswarm=1&network=10.0.0.1", one + "&x=" + std::string(3000, 'a')}) {
    EXPECT_FALSE(parse_scrape(bad)) << bad;
  }
}

TEST(Announce, WantsWhileSomethingIsMissing) {
  EXPECT_TRUE(parse_announce(kGood)->wants());
  EXPECT_FALSE(parse_announce(kGood + "&numwant=0")->wants());
  EXPECT_FALSE(parse_announce(kGood + "&event=stopped")->wants());
}

}  // namespace
}  // namespace upswarm::seeder
