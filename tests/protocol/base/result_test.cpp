#include "protocol/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace upswarm {
namespace {

Error no_such_thing() { return {ErrorKind::not_found, "open the box", "it is not there", "gone"}; }

Result<int> halve(int number) {
  if (number % 2 != 0) return Error{ErrorKind::invalid, "halve", "odd"};
  return number / 2;
}

Result<int> quarter(int number) {
  UPSWARM_TRY(const int half, halve(number));
  return halve(half);
}

Result<void> must_be_even(int number) {
  UPSWARM_CHECK(halve(number));
  return {};
}

TEST(Result, HoldsAValue) {
  const Result<int> result = 7;
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 7);
}

TEST(Result, HoldsAnError) {
  const Result<int> result = no_such_thing();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::not_found);
  EXPECT_EQ(result.error().reason, "gone");
}

TEST(Result, OfNothingSucceedsByDefault) {
  const Result<void> result;
  EXPECT_TRUE(result);
}

TEST(Result, TryPassesTheFirstErrorOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(3).error().message(), "halve: odd");
  EXPECT_EQ(quarter(6).error().message(), "halve: odd");
}

TEST(Result, CheckPassesTheErrorOn) {
  EXPECT_TRUE(must_be_even(2));
  EXPECT_EQ(must_be_even(1).error().kind, ErrorKind::invalid);
}

TEST(Result, GivesAwayWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto take = [&]() -> Result<int> {
    UPSWARM_TRY(const auto box, make());
    return *box;
  };
  EXPECT_EQ(*take(), 5);
}

TEST(Result, ValueOrHasAnotherAtHand) {
  EXPECT_EQ(halve(8).value_or(-1), 4);
  EXPECT_EQ(halve(7).value_or(-1), -1);
}

TEST(Error, SaysWhatWasDoneThenTheCause) {
  EXPECT_EQ(no_such_thing().message(), "open the box: it is not there");
  EXPECT_EQ((Error{ErrorKind::internal, "open the box", ""}).message(), "open the box");
}

TEST(Error, SeenFromFurtherOutKeepsKindAndReason) {
  const auto error = no_such_thing().within("unpack");
  EXPECT_EQ(error.message(), "unpack: open the box: it is not there");
  EXPECT_EQ(error.kind, ErrorKind::not_found);
  EXPECT_EQ(error.reason, "gone");
}

}  // namespace
}  // namespace upswarm
