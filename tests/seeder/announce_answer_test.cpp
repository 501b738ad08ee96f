#include "seeder/announce_answer.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;

const ListedPeer kPeer{{make_address("10.0.0.1"), 0x1ae1}, std::string(20, 'p')};
const ListedPeer kPeer6{{make_address("fd00::1"), 0x1ae1}, std::string(20, 'q')};

TEST(AnnounceAnswer, IsPlainForStrangers) {
  const AnnounceAnswer answer{
      .complete = 1, .incomplete = 2, .interval = std::chrono::seconds(30), .peers = {kPeer, kPeer6}};
  EXPECT_EQ(to_text(answer), "d8:completei1e10:incompletei2e8:intervali30e12:min intervali10e5:peers6:" +
                                 std::string("\x0a\x00\x00\x01\x1a\xe1", 6) + "6:peers618:\xfd" +
                                 std::string(14, '\0') + "\x01\x1a\xe1" + "e");
}

TEST(AnnounceAnswer, ListsPeersInFull) {
  AnnounceAnswer answer{.interval = std::chrono::seconds(2), .peers = {kPeer6}, .compact = false};
  EXPECT_EQ(to_text(answer),
            "d8:completei0e10:incompletei0e8:intervali2e12:min intervali1e5:peersld2:ip7:fd00::1"
            "7:peer id20:" +
                std::string(20, 'q') + "4:porti6881eeee");
}

TEST(AnnounceAnswer, SpeaksToAgentsInKeysThatAreInOrder) {
  AnnounceAnswer answer{.interval = std::chrono::seconds(2)};
  answer.for_agents = {.site = "a",
                       .ranges = {*parse_network("10.0.0.0/24")},
                       .seeds = 3,
                       .lease = "TOKEN",
                       .lease_time = std::chrono::seconds(15),
                       .origin = Endpoint{make_address("10.0.0.9"), 0x1b39},
                       .other_ranges = {*parse_network("10.2.0.0/16")}};
  EXPECT_EQ(to_text(answer),
            "d8:completei0e10:incompletei0e8:intervali2e12:min intervali1e5:peers0:"
            "13:upswarm lease5:TOKEN21:upswarm lease secondsi15e14:upswarm origin6:" +
                std::string("\x0a\x00\x00\x09\x1b\x39", 6) +
                "20:upswarm other rangesl11:10.2.0.0/16e14:upswarm rangesl11:10.0.0.0/24e"
                "13:upswarm seedsi3e12:upswarm site1:ae");
}

TEST(AnnounceAnswer, SaysNothingOfTheOriginWithoutALease) {
  AnnounceAnswer answer;
  answer.for_agents = {.site = "a",
                       .ranges = {},
                       .seeds = 0,
                       .lease = "",
                       .lease_time = std::chrono::seconds(15),
                       .origin = Endpoint{make_address("10.0.0.9"), 0x1b39},
                       .other_ranges = {*parse_network("10.2.0.0/16")}};
  const auto text = to_text(answer);
  for (const auto* word : {"lease", "origin", "other"}) EXPECT_EQ(text.find(word), std::string::npos) << text;
}

}  // namespace
}  // namespace upswarm::seeder
