#include "protocol/base/hex.hpp"

#include <gtest/gtest.h>

namespace upswarm {
namespace {

TEST(Hex, GoesThereAndBack) {
  ByteBuffer all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::byte>(i));
  const auto text = to_hex(all);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(text.substr(504), "fcfdfeff");
  EXPECT_EQ(*from_hex(text), all);
  EXPECT_TRUE(from_hex("")->empty());
}

TEST(Hex, HasOneFormOnly) {
  for (const char* text : {"0", "AB", "aB", "0g", "0x00", " 00", "00 ", "0\n"}) {
    const auto bytes = from_hex(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().kind, ErrorKind::corrupt);
  }
}

TEST(Base64, FollowsTheExamplesOfRfc4648) {
  const std::pair<const char*, const char*> table[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, coded] : table) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    const auto bytes = from_base64(coded);
    ASSERT_TRUE(bytes) << coded;
    EXPECT_EQ(as_text(*bytes), plain);
  }
}

TEST(Base64, IsRefusedWhenNotCanonical) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zh==", "Z", "Zm9v\n", "Zm 9v", "Zm9v=", "_-__", "Zg==Zg==", "=",
                           "0f\xc0\xc0", "\xc1\xc2\xc3\xc4"}) {
    const auto bytes = from_base64(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().kind, ErrorKind::corrupt);
  }
}

}  // namespace
}  // namespace upswarm
