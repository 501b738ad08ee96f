#include "seeder/sites.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;

NamedSite site(const std::string& name, const std::vector<std::string>& networks,
               std::vector<std::string> helped_by = {}) {
  NamedSite named{.name = name, .networks = {}, .helped_by = std::move(helped_by)};
  for (const auto& text : networks) named.networks.push_back(*parse_network(text));
  return named;
}

Place at(const SiteMap& map, const char* remote, const char* announced = nullptr) {
  std::optional<InterfaceAddress> interface;
  if (announced != nullptr) interface = *parse_interface(announced);
  return map.place_of(make_address(remote), interface);
}

TEST(SiteMap, TakesTheLongestNamedNetwork) {
  const SiteMap map({site("all", {"10.0.0.0/8", "2001:db8::/32"}), site("branch", {"10.1.0.0/16"}),
                     site("desk", {"10.1.2.0/24", "2001:db8:1::/48"})});
  EXPECT_EQ(at(map, "10.9.9.9").site, "all");
  EXPECT_EQ(at(map, "10.1.9.9").site, "branch");
  EXPECT_EQ(at(map, "10.1.2.9").site, "desk");
  EXPECT_EQ(at(map, "::ffff:10.1.2.9").site, "desk");
  EXPECT_EQ(at(map, "2001:db8:1::5").site, "desk");
  EXPECT_EQ(at(map, "2001:db8:2::5").site, "all");
  EXPECT_EQ(at(map, "11.0.0.1").site, "11.0.0.0/24");
}

TEST(SiteMap, TakesTheNetworkThatAMachineSaysItIsIn) {
  const SiteMap map;
  EXPECT_EQ(at(map, "10.1.2.3").site, "10.1.2.0/24");
  EXPECT_EQ(at(map, "10.1.2.3", "10.1.2.3/22").site, "10.1.0.0/22");
  EXPECT_EQ(at(map, "10.1.2.3", "10.1.2.3/8").site, "10.1.2.0/24") << "too many to be one site";
  EXPECT_EQ(at(map, "2001:db8::5").site, "2001:db8::/64");
  EXPECT_EQ(at(map, "2001:db8::5", "2001:db8::5/56").site, "2001:db8::/56");
  EXPECT_EQ(at(map, "2001:db8::5", "2001:db8::5/32").site, "2001:db8::/64");
  EXPECT_FALSE(at(map, "10.1.2.3", "10.1.2.3/22").is_behind());
  ASSERT_EQ(map.ranges_of(at(map, "10.1.2.3")).size(), 1U);
  EXPECT_EQ(map.ranges_of(at(map, "10.1.2.3")).front().text(), "10.1.2.0/24");
}

TEST(SiteMap, BehindATranslationTakesBothAddresses) {
  const SiteMap map;
  const auto place = at(map, "203.0.113.5", "192.168.7.20/24");
  EXPECT_EQ(place.site, "203.0.113.5 192.168.7.0/24");
  EXPECT_EQ(place.address, make_address("192.168.7.20"));
  EXPECT_EQ(map.ranges_of(place).front().text(), "192.168.7.0/24");
  EXPECT_NE(at(map, "203.0.113.6", "192.168.7.20/24").site, place.site);
  EXPECT_NE(at(map, "203.0.113.5", "192.168.8.20/24").site, place.site);
}

TEST(SiteMap, DoesNotBelieveAPublicAddress) {
  const SiteMap map({site("branch", {"10.1.0.0/16"})});
  const auto place = at(map, "203.0.113.5", "198.51.100.9/24");
  EXPECT_EQ(place.site, "203.0.113.0/24");
  EXPECT_EQ(place.address, make_address("203.0.113.5"));
  EXPECT_NE(at(map, "203.0.113.5", "10.1.0.9/16").site, "branch") << "a claim leads into no named site";
}

TEST(SiteMap, ANamedSiteMayBeBehindATranslation) {
  const SiteMap map({site("branch", {"203.0.113.0/29", "192.168.0.0/16"})});
  const auto one = at(map, "203.0.113.5", "192.168.7.20/24");
  const auto two = at(map, "203.0.113.5", "192.168.9.20/24");
  const auto other = at(map, "203.0.113.6", "192.168.9.21/24");
  const auto open = at(map, "203.0.113.7");
  for (const auto& place : {one, two, other, open}) EXPECT_EQ(place.site, "branch");
  EXPECT_EQ(one.address, make_address("192.168.7.20"));
  const auto ranges = map.ranges_of(one);
  EXPECT_EQ(ranges.size(), 3U);
  EXPECT_TRUE(may_meet(one, ranges, two));
  EXPECT_TRUE(may_meet(one, ranges, open));
  EXPECT_FALSE(may_meet(one, ranges, other)) << "another public address";
  EXPECT_FALSE(may_meet(open, map.ranges_of(open), one)) << "not reached from outside";
  EXPECT_FALSE(may_meet(one, ranges, at(map, "203.0.113.5", "10.0.0.1/24"))) << "outside of the asker's ranges";
}

TEST(SiteMap, KnowsWhoHelps) {
  const SiteMap map({site("branch", {"10.1.0.0/16"}, {"centre"}), site("centre", {"10.2.0.0/16", "10.3.0.0/16"})});
  EXPECT_EQ(map.helpers_of("branch"), std::vector<std::string>{"centre"});
  EXPECT_EQ(map.other_ranges_of("branch").size(), 2U);
  EXPECT_TRUE(map.helpers_of("centre").empty());
  EXPECT_TRUE(map.helpers_of("10.9.9.0/24").empty());
  EXPECT_TRUE(map.other_ranges_of("10.9.9.0/24").empty());
}

}  // namespace
}  // namespace upswarm::seeder
