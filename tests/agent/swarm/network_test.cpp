#include "agent/network.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

using boost::asio::ip::make_address;

TEST(Network, KnowsItsEnds) {
  const auto four = parse_network("10.1.130.7/17");
  ASSERT_TRUE(four) << four.error().message();
  EXPECT_EQ(four->first(), make_address("10.1.128.0"));
  EXPECT_EQ(four->last(), make_address("10.1.255.255"));
  EXPECT_EQ(four->text(), "10.1.130.7/17");
  const auto six = parse_network("fd00:1::5/31");
  ASSERT_TRUE(six) << six.error().message();
  EXPECT_EQ(six->first(), make_address("fd00::"));
  EXPECT_EQ(six->last(), make_address("fd00:1:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(parse_network("0.0.0.0/0")->last(), make_address("255.255.255.255"));
}

TEST(Network, ContainsItsOwnFamilyAlone) {
  const auto network = *parse_network("192.168.7.0/24");
  EXPECT_TRUE(network.contains(make_address("192.168.7.255")));
  EXPECT_FALSE(network.contains(make_address("192.168.8.0")));
  EXPECT_FALSE(network.contains(make_address("::ffff:192.168.7.1")));
  EXPECT_TRUE(parse_network("fe80::/64")->contains(make_address("fe80::1%1")));
  EXPECT_TRUE(is_inside("192.168.7.1", {*parse_network("10.0.0.0/8"), network}));
  EXPECT_FALSE(is_inside("192.168.7.1", {}));
  EXPECT_FALSE(is_inside("neighbour", {network}));
}

TEST(Network, OtherFormsAreRefused) {
  for (const auto* bad : {"", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "10.0.0.0/08",
                          "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/8/8", "fe80::1%eth0/64", "host/24"}) {
    const auto read = parse_network(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt) << bad;
  }
}

}  // namespace
}  // namespace upswarm::agent
