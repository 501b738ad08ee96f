#include "protocol/base/clock.hpp"

#include <gtest/gtest.h>

namespace upswarm {
namespace {

using std::chrono::seconds;

TEST(Time, GoesThereAndBack) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2001-09-09T01:46:40Z", 1'000'000'000},
      {"2024-02-29T23:59:59Z", 1'709'251'199},
      {"2038-01-19T03:14:08Z", 2147483648},
      {"1969-12-31T23:59:59Z", -1},
      {"9999-12-31T23:59:59Z", 253'402'300'799},
  };
  for (const auto& [text, since_1970] : table) {
    const Time time{seconds(since_1970)};
    EXPECT_EQ(to_string(time), text);
    const auto read = parse_time(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, time) << text;
  }
}

TEST(Time, HasOneFormOnly) {
  for (const char* text :
       {"", "2026-11-21", "2026-11-21T04:20:00", "2026-11-21t04:20:00z", "2026-11-21 04:20:00Z",
        "2026-11-21T04:20:00.5Z", "2026-11-21T04:20:00+00:00", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "-026-01-01T00:00:00Z", "2026-1-001T00:00:00Z", "2026-01-01T00:00:00ZZ"}) {
    const auto read = parse_time(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
  }
}

TEST(Time, OfTheSystemIsOfThisCentury) {
  EXPECT_GT(system_clock().now(), *parse_time("2024-01-01T00:00:00Z"));
  EXPECT_LT(system_clock().now(), *parse_time("2100-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace upswarm
