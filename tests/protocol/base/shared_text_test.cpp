#include "protocol/base/shared_text.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace upswarm {
namespace {

TEST(SharedText, IsTheTextItWasMadeOf) {
  const std::string zero("a\0b", 3);
  EXPECT_EQ(SharedText("path/to"), "path/to");
  EXPECT_EQ(SharedText(zero).view(), zero);
  EXPECT_EQ(SharedText(zero).size(), 3U);
  EXPECT_TRUE(SharedText().empty());
  EXPECT_TRUE(SharedText("").empty());
  EXPECT_EQ(SharedText(), SharedText(""));
  EXPECT_EQ(SharedText().view(), "");
}

TEST(SharedText, CopiesShareItsBytesAndOutliveIt) {
  auto one = std::make_unique<SharedText>("a path that is longer than what fits into a string");
  const SharedText copy = *one;
  EXPECT_EQ(copy.view().data(), one->view().data());
  one.reset();
  EXPECT_EQ(copy, "a path that is longer than what fits into a string");
}

TEST(SharedText, IsAssignedMovedAndLeftEmpty) {
  SharedText one("one");
  SharedText two("two");
  two = one;
  EXPECT_EQ(two, "one");
  const auto& same = two;
  two = same;
  EXPECT_EQ(two, "one");
  const SharedText three = std::move(one);
  EXPECT_EQ(three, "one");
  EXPECT_TRUE(one.empty());  // NOLINT: that is what is promised
  two = {};
  EXPECT_TRUE(two.empty());
  EXPECT_EQ(three, "one");
}

TEST(SharedText, IsOrderedByItsBytesAndAdded) {
  EXPECT_LT(SharedText("a"), SharedText("a/b"));
  EXPECT_LT(SharedText("Z"), std::string("a"));
  EXPECT_GT(SharedText("\xc3\xa4"), "z") << "bytes have no sign";
  EXPECT_EQ("<" + SharedText("x") + ">", "<x>");
  EXPECT_EQ(SharedText("x") + "/", "x/");
}

}  // namespace
}  // namespace upswarm
