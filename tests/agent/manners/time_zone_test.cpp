#include "agent/manners/time_zone.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

Time at(const char* text) { return *parse_time(text); }

TEST(TimeZoneTest, TellsDayAndMinute) {
  const auto utc = *TimeZone::parse("UTC");
  EXPECT_EQ(utc.wall_time(at("2026-11-22T06:30:59Z")), (WallTime{6, 390}));  // a Sunday
  EXPECT_EQ(utc.wall_time(at("2026-11-23T00:00:00Z")), (WallTime{0, 0}));
}

TEST(TimeZoneTest, DistancesMoveOverMidnight) {
  EXPECT_EQ(TimeZone::parse("+05:30")->wall_time(at("2026-11-22T20:00:00Z")), (WallTime{0, 90}));
  EXPECT_EQ(TimeZone::parse("-08:00")->wall_time(at("2026-11-23T01:00:00Z")), (WallTime{6, 17 * 60}));
}

TEST(TimeZoneTest, ReadsAndWritesTheSame) {
  for (const auto* text : {"local", "UTC", "+05:30", "-08:00", "+14:00"}) {
    const auto zone = TimeZone::parse(text);
    ASSERT_TRUE(zone) << text;
    EXPECT_EQ(zone->text(), text);
  }
}

TEST(TimeZoneTest, RefusesWhatIsNone) {
  for (const auto* text : {"", "utc", "Europe/Berlin", "+5:30", "+05.30", "+05:60", "+14:01", "-99:00", "+05:30 "}) {
    EXPECT_FALSE(TimeZone::parse(text)) << text;
  }
}

TEST(TimeZoneTest, TheMachinesOwnIsNoFurtherThanAnyOnEarth) {
  EXPECT_LE(std::chrono::abs(local_offset(at("2026-07-01T12:00:00Z"))), std::chrono::hours(14));
}

}  // namespace
}  // namespace upswarm::agent
