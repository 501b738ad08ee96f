#include "seeder/network.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;

TEST(Network, IsReadAndWritten) {
  for (const auto* text : {"0.0.0.0/0", "10.1.0.0/16", "203.0.113.7/32", "10.1.2.128/25", "::/0", "2001:db8:1::/48",
                           "2001:db8::1/128", "fd00::8000:0/97"}) {
    const auto network = parse_network(text);
    ASSERT_TRUE(network) << network.error().message();
    EXPECT_EQ(network->text(), text);
  }
}

TEST(Network, RefusesWhatIsNone) {
  for (const auto* text : {"", "/", "10.1.0.0", "10.1.0.0/", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/08", "10.1.0.0/8x",
                           "10.1.0/16", "10.1.0.0.0/16", "/16", "fe80::1%eth0/64", "::ffff:10.0.0.0/104", "::/129",
                           "10.1.0.0/16/16", " 10.1.0.0/16", "branch/24", "10.0.0.0/4294967304"}) {
    EXPECT_FALSE(parse_network(text)) << text;
    EXPECT_FALSE(parse_interface(text)) << text;
  }
  EXPECT_FALSE(parse_network(std::string_view("10.1.0.0\0/16", 12)));
}

TEST(Network, SaysWhatWasPerhapsMeant) {
  const auto network = parse_network("10.1.2.3/16");
  ASSERT_FALSE(network);
  EXPECT_NE(network.error().message().find("10.1.0.0/16"), std::string::npos) << network.error().message();
  const auto interface = parse_interface("10.1.2.3/16");
  ASSERT_TRUE(interface);
  EXPECT_EQ(interface->address, make_address("10.1.2.3"));
  EXPECT_EQ(interface->prefix, 16U);
}

TEST(Network, ContainsItsOwnAddresses) {
  EXPECT_TRUE(parse_network("10.1.2.128/25")->contains(make_address("10.1.2.255")));
  EXPECT_FALSE(parse_network("10.1.2.128/25")->contains(make_address("10.1.2.127")));
  EXPECT_TRUE(parse_network("0.0.0.0/0")->contains(make_address("255.255.255.255")));
  EXPECT_FALSE(parse_network("0.0.0.0/0")->contains(make_address("::")));
  EXPECT_TRUE(parse_network("2001:db8::/47")->contains(make_address("2001:db8:1:ffff::1")));
  EXPECT_FALSE(parse_network("2001:db8:1::/48")->contains(make_address("2001:db8:2::1")));
}

TEST(Network, KnowsWhichAddressesManyMayHave) {
  for (const auto* text : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "fd12::1"})
    EXPECT_TRUE(is_private(make_address(text))) << text;
  for (const auto* text : {"9.255.255.255", "172.32.0.1", "192.169.0.1", "100.128.0.1", "127.0.0.1", "169.254.0.1",
                           "fe80::1", "2001:db8::1", "::1"})
    EXPECT_FALSE(is_private(make_address(text))) << text;
}

TEST(Network, UnmapsIPv4) {
  EXPECT_EQ(plain(make_address("::ffff:10.0.0.2")), make_address("10.0.0.2"));
  EXPECT_EQ(plain(make_address("fd00::2")), make_address("fd00::2"));
}

}  // namespace
}  // namespace upswarm::seeder
