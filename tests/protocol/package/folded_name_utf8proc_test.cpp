#include "protocol/package/folded_name.hpp"

#include <gtest/gtest.h>

#include "protocol/package/tree.hpp"

namespace upswarm::package {
namespace {

TEST(FoldedName, IsTheNameWithoutCaseAndForm) {
  EXPECT_EQ(folded_name("Read/ME.txt"), "read/me.txt");
  EXPECT_EQ(folded_name("\xc3\x89"), "e\xcc\x81") << "composed";
  EXPECT_EQ(folded_name("E\xcc\x81"), "e\xcc\x81") << "decomposed";
  EXPECT_EQ(folded_name("\xe2\x84\xaa"), "k") << "the sign of Kelvin";
  EXPECT_EQ(folded_name("\xea\xb0\x80"), "\xe1\x84\x80\xe1\x85\xa1") << "a syllable of Hangul";
  EXPECT_EQ(folded_name("a\xe2\x80\x8d"
                        "b"),
            "ab")
      << "U+200D is not seen";
  EXPECT_EQ(folded_name("\xef\xac\x81"), "fi") << "a ligature that case folding takes apart";
}

TEST(FoldedName, LeavesWhatOnlyLooksAlikeApart) {
  EXPECT_NE(folded_name("\xe2\x91\xa0"), folded_name("1")) << "a circled digit";
  EXPECT_NE(folded_name("\xef\xbd\x81"), folded_name("a")) << "a full-width letter";
  EXPECT_NE(folded_name("\xd0\xb0"), folded_name("a")) << "of another script";
  EXPECT_NE(folded_name("\xc4\xb1"), folded_name("i")) << "not as in Turkish";
}

TEST(FoldedName, OrdersMarksBeforeTheyBecomeLetters) {
  const auto* const one = "\xce\xb1\xcd\x85\xcc\x81";    // U+0345 before the accent
  const auto* const other = "\xce\xb1\xcc\x81\xcd\x85";  // canonically the same
  EXPECT_EQ(folded_name(one), folded_name(other));
  EXPECT_EQ(folded_name("\xe1\xbe\xb4"), folded_name(one)) << "composed";
}

TEST(FoldedName, KnowsUnicode15) {
  EXPECT_EQ(folded_name("\xea\x9f\x80"), "\xea\x9f\x81") << "of Unicode 14";
  EXPECT_EQ(folded_name("\xf0\x90\xb5\x90"), "\xf0\x90\xb5\x90") << "a capital of Unicode 16";
}

TEST(FoldedName, OfTheLongestPathIsWhole) {
  std::string path;
  std::string folded;
  while (path.size() + 2 <= kLongestTreePath) {
    path += "\xce\x90";  // three code points, each of two bytes
    folded += "\xce\xb9\xcc\x88\xcc\x81";
  }
  EXPECT_EQ(folded_name(path), folded);
}

TEST(FoldedName, OfWhatIsNotUtf8IsItself) { EXPECT_EQ(folded_name("A\xff"), "A\xff"); }

TEST(FoldedName, FormIsToldFromCase) {
  EXPECT_TRUE(is_same_but_for_form("\xc3\xa9", "e\xcc\x81"));
  EXPECT_FALSE(is_same_but_for_form("A", "a"));
}

}  // namespace
}  // namespace upswarm::package
