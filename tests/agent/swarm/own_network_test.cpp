#include "agent/own_network.hpp"

#include <gmock/gmock.h>

namespace upswarm::agent {
namespace {

using testing::Contains;

TEST(OwnNetwork, LoopbackIsOneOfThem) {
  const auto networks = own_networks();
  EXPECT_THAT(networks, Contains(*parse_network("127.0.0.1/8")));
  for (const auto& one : networks) EXPECT_TRUE(is_near(one)) << one.text();
}

TEST(OwnNetwork, IsTheOneTowardsTheSeeder) {
  const std::vector<Network> networks{*parse_network("10.0.0.1/24"), *parse_network("127.0.0.1/8")};
  EXPECT_EQ(network_towards("127.0.0.1", networks), networks[1]);
  EXPECT_FALSE(network_towards("127.0.0.1", {networks[0]}));
  EXPECT_FALSE(network_towards("no such host", networks));
}

TEST(OwnNetwork, OnlyAnAddressOfThisMachineHasADevice) {
  EXPECT_EQ(WayTo("127.0.0.1").device(), device_of(boost::asio::ip::make_address("127.0.0.1")));
  EXPECT_EQ(device_of(boost::asio::ip::make_address("192.0.2.1")), "");
}

TEST(OwnNetwork, TooWideIsNotNear) {
  EXPECT_TRUE(is_near(*parse_network("10.0.0.0/8")));
  EXPECT_FALSE(is_near(*parse_network("10.0.0.0/7")));
  EXPECT_TRUE(is_near(*parse_network("fe80::1/64")));
  EXPECT_FALSE(is_near(*parse_network("::/0")));
}

}  // namespace
}  // namespace upswarm::agent
