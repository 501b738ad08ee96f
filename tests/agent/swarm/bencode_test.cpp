#include "agent/bencode.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

TEST(Bencode, ReadsEachTypeInsideADictionary) {
  const auto value = parse_bencode("d1:ai-42e1:bl3:xyzi0ee1:cd1:k1:vee", "test");
  ASSERT_TRUE(value) << value.error().message();
  EXPECT_EQ(*value->find("a")->integer(), -42);
  ASSERT_EQ(value->find("b")->list()->size(), 2U);
  EXPECT_EQ(*value->find("b")->list()->at(0).text(), "xyz");
  EXPECT_EQ(*value->find("c")->find("k")->text(), "v");
  EXPECT_EQ(value->find("d"), nullptr);
  EXPECT_EQ(value->find("a")->find("k"), nullptr);
}

TEST(Bencode, AcceptsTheOneForm) {
  for (const auto* good : {"i0e", "i-1e", "i9223372036854775807e", "i-9223372036854775808e", "0:", "le", "de",
                           "5:ab:cd", "lllllllleeeeeeee", "d0:0:1:ai1ee"}) {
    EXPECT_TRUE(parse_bencode(good, "test")) << good;
  }
}

TEST(Bencode, RefusesEverythingElse) {
  for (const auto* bad : {"",
                          "i",
                          "ie",
                          "i-e",
                          "i-0e",
                          "i01e",
                          "i+1e",
                          "i 1e",
                          "i1",
                          "i1.0e",
                          "i9223372036854775808e",
                          "i1ei2e",
                          "1",
                          "1:",
                          "2:a",
                          "01:a",
                          "-1:a",
                          "4294967296:a",
                          ":a",
                          "l",
                          "li1e",
                          "d",
                          "d1:a",
                          "d1:ai1e",
                          "di1ei1ee",
                          "d1:bi1e1:ai1ee",
                          "d1:ai1e1:ai1ee",
                          "x",
                          "e",
                          "llllllllleeeeeeeee",
                          "99999999999999999999:a"}) {
    const auto value = parse_bencode(bad, "test");
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().kind, ErrorKind::corrupt) << bad;
  }
}

TEST(Bencode, SaysWhereTheMistakeIs) {
  const auto value = parse_bencode("d1:ai01ee", "the tracker's answer");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message(), "read the tracker's answer: at byte 5: not a number");
}

}  // namespace
}  // namespace upswarm::agent
