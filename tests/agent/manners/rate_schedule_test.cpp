#include "agent/manners/rate_schedule.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

constexpr WallTime kSundayNight{6, 23 * 60};
constexpr WallTime kMondayEarly{0, 5 * 60};

WeekSpan span(const char* days, const char* hours) {
  auto made = *parse_hours(hours);
  made.days = *parse_days(days);
  return made;
}

TEST(WeekSpanTest, HasAFirstMinuteAndNoLast) {
  const auto work = span("mon-fri", "08:00-18:00");
  EXPECT_FALSE(work.contains({0, 8 * 60 - 1}));
  EXPECT_TRUE(work.contains({0, 8 * 60}));
  EXPECT_TRUE(work.contains({4, 18 * 60 - 1}));
  EXPECT_FALSE(work.contains({4, 18 * 60}));
  EXPECT_FALSE(work.contains({5, 12 * 60}));
}

TEST(WeekSpanTest, ANightBelongsToTheDayItBeginsOn) {
  const auto night = span("sun", "22:00-06:00");
  EXPECT_TRUE(night.contains(kSundayNight));
  EXPECT_TRUE(night.contains(kMondayEarly));
  EXPECT_FALSE(night.contains({6, 5 * 60})) << "Saturday's night";
  EXPECT_FALSE(night.contains({0, 22 * 60}));
}

TEST(WeekSpanTest, ADayHasAllItsHours) {
  const auto day = span("mon", "00:00-24:00");
  EXPECT_TRUE(day.contains({0, 0}));
  EXPECT_TRUE(day.contains({0, 1439}));
  EXPECT_FALSE(day.contains({1, 0}));
}

TEST(DaysTest, AreListsAndRanges) {
  EXPECT_EQ(*parse_days("fri-mon,wed"), (std::array<bool, 7>{true, false, true, false, true, true, true}));
  EXPECT_EQ(*parse_days("daily"), (std::array<bool, 7>{true, true, true, true, true, true, true}));
  EXPECT_EQ(*parse_days("tue"), (std::array<bool, 7>{false, true, false, false, false, false, false}));
  for (const auto* text : {"", "mon-", "-fri", "Mon", "mon,,tue", "mon,", "monday", "mon - fri"}) {
    EXPECT_FALSE(parse_days(text)) << text;
  }
}

TEST(HoursTest, AreTwoTimesOfADay) {
  for (const auto* text :
       {"", "8-18", "08:00", "08:00-08:00", "24:00-08:00", "08:00-24:01", "08:60-09:00", "08:00-18:00 "}) {
    EXPECT_FALSE(parse_hours(text)) << text;
  }
}

TEST(RateScheduleTest, TheFirstRuleThatSaysSomethingCounts) {
  RateSchedule schedule;
  schedule.zone = *TimeZone::parse("UTC");
  of(schedule.usual, Traffic::origin) = {.upload = 7, .download = 9};
  schedule.rules = {{span("daily", "12:00-13:00"), Traffic::origin, std::nullopt, 0},
                    {span("mon-fri", "08:00-18:00"), Traffic::origin, 5, 100},
                    {span("daily", "00:00-24:00"), Traffic::site, 3, std::nullopt}};
  const auto monday_noon = schedule.at(*parse_time("2026-11-23T12:30:00Z"));
  EXPECT_EQ(of(monday_noon, Traffic::origin), (Rates{5, 0})) << "no limit at noon, but the upload of working hours";
  EXPECT_EQ(of(monday_noon, Traffic::site), (Rates{3, 0}));
  EXPECT_EQ(of(monday_noon, Traffic::all), Rates{});
  const auto sunday = schedule.at(*parse_time("2026-11-22T15:00:00Z"));
  EXPECT_EQ(of(sunday, Traffic::origin), (Rates{7, 9}));
}

TEST(TrafficTest, HasNames) {
  for (const auto traffic : {Traffic::all, Traffic::site, Traffic::other, Traffic::origin}) {
    EXPECT_EQ(*parse_traffic(name_of(traffic)), traffic);
  }
  EXPECT_FALSE(parse_traffic("lan"));
}

}  // namespace
}  // namespace upswarm::agent
