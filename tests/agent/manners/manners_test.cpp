#include "agent/manners/manners.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace upswarm::agent {
namespace {

class MannersTest : public testing::Test {
 protected:
  Manners decide(Bytes uploaded = {}) const { return decide_manners(policy, around, uploaded, now); }
  static Gate gate(const Manners& manners, const std::string& name) {
    const auto found = std::ranges::find(manners.gates, name, &Gate::name);
    EXPECT_NE(found, manners.gates.end()) << name;
    return found == manners.gates.end() ? Gate{} : *found;
  }
  /// One gate is closed, and says why.
  void expect_closed(const std::string& name, const std::string& words, Bytes uploaded = {}) const {
    const auto manners = decide(uploaded);
    EXPECT_FALSE(manners.may_upload);
    EXPECT_FALSE(manners.may_lead);
    EXPECT_EQ(std::ranges::count(manners.gates, false, &Gate::is_open), 1);
    EXPECT_FALSE(gate(manners, name).is_open);
    EXPECT_NE(gate(manners, name).says.find(words), std::string::npos) << gate(manners, name).says;
  }

  MannersPolicy policy;
  Surroundings around{.memory = 8_GiB, .free_disk = 100_GiB};
  Time now = *parse_time("2026-11-22T12:00:00Z");
};

TEST_F(MannersTest, AMachineOnALanGives) {
  const auto manners = decide();
  EXPECT_TRUE(manners.may_upload);
  EXPECT_TRUE(manners.may_lead);
  EXPECT_TRUE(std::ranges::all_of(manners.gates, &Gate::is_open));
}

TEST_F(MannersTest, EachGateClosesByItself) {
  policy.upload = false;
  expect_closed("upload", "downloads only");
  policy.upload = true;
  around.link.link = Link::metered;
  expect_closed("upload_when_metered", "metered");
  around.link = {};
  around.is_vpn = true;
  expect_closed("upload_by_vpn", "tunnel");
  around.is_vpn = false;
  around.battery = 40;
  expect_closed("upload_above_battery", "40 % are left: uploads begin again above 40 %, or on mains");
  around.battery.reset();
  around.memory = 512_MiB;
  expect_closed("least_memory", "512 MiB");
  around.memory = 8_GiB;
  around.free_disk = 1_MiB;
  expect_closed("least_disk", "of free disk space");
  around.free_disk = 100_GiB;
  policy.monthly_upload = 10_GiB;
  expect_closed("monthly_upload", "with the next", 10_GiB);
  EXPECT_TRUE(decide(9_GiB).may_upload);
}

TEST_F(MannersTest, ShortOfMemoryOrDiskIsWithoutRoom) {
  policy.upload = false;
  EXPECT_TRUE(decide().has_room);
  around.free_disk = 1_MiB;
  EXPECT_FALSE(decide().has_room);
  around.free_disk = 100_GiB;
  around.memory = 512_MiB;
  EXPECT_FALSE(decide().has_room);
  around.memory = 0_B;
  EXPECT_TRUE(decide().has_room) << "not known";
}

TEST_F(MannersTest, WhoNeverLeadsMayStillGive) {
  EXPECT_TRUE(gate(decide(), "may_lead").is_open);
  policy.may_lead = false;
  EXPECT_TRUE(decide().may_upload);
  EXPECT_FALSE(decide().may_lead);
  EXPECT_FALSE(gate(decide(), "may_lead").is_open);
}

TEST_F(MannersTest, TellsTheRatesThatAreInForce) {
  of(policy.rates.usual, Traffic::all).upload = 1U << 20U;
  policy.rates.rules = {{.when = {}, .traffic = Traffic::origin, .upload = {}, .download = 2U << 20U}};
  policy.given = {"rate of origin"};
  EXPECT_EQ(gate(decide(), "rate of all").value, "upload 1.00 MiB/s, download no limit");
  EXPECT_EQ(gate(decide(), "rate of all").says, "");
  EXPECT_EQ(gate(decide(), "rate of origin").value, "upload no limit, download 2.00 MiB/s");
  EXPECT_EQ(gate(decide(), "rate of origin").set_by, "configuration");
  EXPECT_EQ(gate(decide(), "rate of origin").says, "by a rule for this day and hour");
  EXPECT_EQ(gate(decide(), "time_zone").value, "local");
}

TEST_F(MannersTest, WhatIsAllowedStandsNotInTheWay) {
  policy.upload_when_metered = policy.upload_by_vpn = true;
  policy.upload_above_battery = 0;
  around.link.link = Link::metered;
  around.is_vpn = true;
  around.battery = 1;
  EXPECT_TRUE(decide().may_upload);
  EXPECT_FALSE(decide().may_lead) << "a site's copy does not come over a line that costs";
}

TEST_F(MannersTest, SaysWhoSaysThatTheLineIsMetered) {
  const auto says = [&] { return gate(decide(), "upload_when_metered").says; };
  EXPECT_EQ(says(), "nobody says that the connection is metered");
  around.link = {Link::normal, "NetworkManager says so"};
  EXPECT_EQ(says(), "the connection is not metered (NetworkManager says so)");
  around.link = {Link::metered, "NetworkManager guesses so"};
  EXPECT_EQ(says(), "the connection is metered (NetworkManager guesses so)");
  around.link.by = "set by the administrator";
  EXPECT_EQ(says(), "the connection is metered (set by the administrator)");
  policy.upload_when_metered = true;
  EXPECT_EQ(says(), "metered, and allowed (set by the administrator)");
}

TEST_F(MannersTest, OnAMeteredLineItIsLittleThatIsFetched) {
  EXPECT_EQ(decide().link, Link::normal);
  around.link.link = Link::metered;
  policy.upload_when_metered = true;
  EXPECT_EQ(decide().link, Link::metered) << "whatever may be given";
}

TEST_F(MannersTest, ABatteryAboveTheMarkIsEnough) {
  around.battery = 41;
  EXPECT_TRUE(decide().may_upload);
  policy.upload_above_battery = 100;
  around.battery = 100;
  expect_closed("upload_above_battery", "begin again on mains");
}

TEST_F(MannersTest, MemoryThatIsNotKnownIsEnough) {
  around.memory = {};
  EXPECT_TRUE(decide().may_upload);
}

TEST_F(MannersTest, SaysWhoSetWhat) {
  policy.given = {"monthly_upload"};
  EXPECT_EQ(gate(decide(), "monthly_upload").set_by, "configuration");
  EXPECT_EQ(gate(decide(), "upload").set_by, "default");
}

TEST_F(MannersTest, BringsTheRatesOfTheHour) {
  of(policy.rates.usual, Traffic::site).upload = 5;
  EXPECT_EQ(of(decide().rates, Traffic::site).upload, 5U);
}

}  // namespace
}  // namespace upswarm::agent
