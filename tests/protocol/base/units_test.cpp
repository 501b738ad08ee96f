#include "protocol/base/units.hpp"

#include <gtest/gtest.h>

namespace upswarm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

TEST(Bytes, AreWrittenForPeople) {
  const std::pair<Bytes, const char*> table[] = {
      {0_B, "0 B"},           {1_B, "1 B"},           {999_B, "999 B"},
      {1_KiB, "1.00 KiB"},    {1536_B, "1.50 KiB"},   {17_MiB + 300_KiB, "17.3 MiB"},
      {100_MiB, "100 MiB"},   {1023_KiB, "1.00 MiB"}, {5_GiB, "5.00 GiB"},
      {2048_GiB, "2.00 TiB"},
  };
  for (const auto& [bytes, text] : table) EXPECT_EQ(to_string(bytes), text) << bytes.count;
}

TEST(Bytes, AreReadWithTheirUnit) {
  const std::pair<const char*, Bytes> table[] = {
      {"0", 0_B},      {"512", 512_B},   {"512 B", 512_B},    {"64 MiB", 64_MiB},
      {"2GiB", 2_GiB}, {"3 KiB", 3_KiB}, {"1 TiB", 1024_GiB},
  };
  for (const auto& [text, bytes] : table) {
    const auto read = parse_bytes(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, bytes) << text;
  }
}

TEST(Bytes, RefuseWhatHasNoMeaning) {
  for (const char* text : {"", "MiB", " 5", "5 MB", "5 mib", "5 MiB ", "-1", "+1", "1.5 GiB", "0x10",
                           "99999999999999999999", "9000000 TiB"}) {
    const auto read = parse_bytes(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid) << text;
    EXPECT_NE(read.error().context.find(text), std::string::npos) << "the error names the text: " << text;
  }
}

TEST(Bytes, MayBeTheLargestThatShiftsWithoutLoss) {
  EXPECT_EQ(parse_bytes("8388608 TiB")->count, std::uint64_t{1} << 63U);
  EXPECT_FALSE(parse_bytes("8388609 TiB"));
}

TEST(Duration, IsReadWithItsUnit) {
  const std::pair<const char*, milliseconds> table[] = {
      {"250ms", 250ms}, {"90s", 90s}, {"15m", 15min}, {"2h", 2h}, {"7d", 168h}, {"0s", 0s}, {"3650d", 87600h},
  };
  for (const auto& [text, duration] : table) {
    const auto read = parse_duration(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, duration) << text;
  }
}

TEST(Duration, RefusesWhatHasNoMeaning) {
  for (const char* text : {"", "5", "s", "5 sec", "-5s", "1.5h", "3651d", "18446744073709551615d", "1h30m"}) {
    const auto read = parse_duration(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid) << text;
  }
}

TEST(Duration, IsWrittenForPeople) {
  const std::pair<milliseconds, const char*> table[] = {
      {300ms, "0.3 s"}, {14s, "14 s"}, {119s, "119 s"}, {120s, "2 min"}, {125min, "2 h 5 min"}, {72h, "3 days"},
  };
  for (const auto& [duration, text] : table) EXPECT_EQ(to_string(duration), text);
}

TEST(Text, AndBytesAreViewsOfEachOther) {
  const std::string text = "text";
  EXPECT_EQ(static_cast<const void*>(as_bytes(text).data()), text.data());
  EXPECT_EQ(as_text(as_bytes(text)), "text");
}

}  // namespace
}  // namespace upswarm
