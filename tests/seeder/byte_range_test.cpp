#include "seeder/byte_range.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

using Kind = ByteRange::Kind;

void expect_part(const char* header, std::uint64_t first, std::uint64_t length) {
  const auto range = parse_range(header, 100_B);
  EXPECT_EQ(range.kind, Kind::part) << header;
  EXPECT_EQ(range.first.count, first) << header;
  EXPECT_EQ(range.length.count, length) << header;
}

TEST(ByteRange, TakesOneRange) {
  expect_part("bytes=0-0", 0, 1);
  expect_part("bytes=10-19", 10, 10);
  expect_part("bytes=90-", 90, 10);
  expect_part("bytes=-7", 93, 7);
}

TEST(ByteRange, CutsAtTheEndOfTheFile) {
  expect_part("bytes=90-1000", 90, 10);
  expect_part("bytes=-1000", 0, 100);
  expect_part("bytes=99-18446744073709551615", 99, 1);
}

TEST(ByteRange, SaysWhenNothingIsThere) {
  for (const auto* header : {"bytes=100-", "bytes=100-200", "bytes=-0"})
    EXPECT_EQ(parse_range(header, 100_B).kind, Kind::unsatisfiable) << header;
  EXPECT_EQ(parse_range("bytes=0-", 0_B).kind, Kind::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=-5", 0_B).kind, Kind::unsatisfiable);
}

TEST(ByteRange, AnswersWithTheWholeWhenItDoesNotUnderstand) {
  for (const auto* header : {"", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=9-5", "bytes=a-b", "bytes=1-2,4-5",
                             "items=0-5", "bytes= 1-2", "bytes=99999999999999999999-", "bytes=--5"}) {
    const auto range = parse_range(header, 100_B);
    EXPECT_EQ(range.kind, Kind::whole) << header;
    EXPECT_EQ(range.length, 100_B) << header;
  }
}

}  // namespace
}  // namespace upswarm::seeder
