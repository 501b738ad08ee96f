#include "seeder/http_priority.hpp"

#include <gtest/gtest.h>

#include <string>

namespace upswarm::seeder {
namespace {

TEST(HttpPriority, OnlyUrgencySevenIsBackground) {
  for (const auto* yes : {"u=7", "u=7, i", "i,u=7", " u=7\t", "u=1, u=7", "u=7,x=1.5,i=?0"})
    EXPECT_TRUE(is_background(yes)) << yes;
  for (const auto* no : {"u=6", "u=0", "u=3, i", "i", "u", "u=7, u=1", "x=7"}) EXPECT_FALSE(is_background(no)) << no;
}

TEST(HttpPriority, WhatIsNotUnderstoodIsForeground) {
  for (const auto* no : {"", ",", "u=7,", ",u=7", "u=77", "u=07", "u=-7", "u =7", "u= 7", "u==7", "U=7", "7=u", "u=7;x",
                         "u=7 i", "u=\"7\"", "u=(7)", "u=7\r\nx"})
    EXPECT_FALSE(is_background(no)) << no;
}

TEST(HttpPriority, WhatIsTooLongIsForeground) {
  const std::string head = "u=7, x=";
  EXPECT_TRUE(is_background(head + std::string(kLongestPriority - head.size(), '1')));
  EXPECT_FALSE(is_background(head + std::string(kLongestPriority - head.size() + 1, '1')));
}

}  // namespace
}  // namespace upswarm::seeder
