#include "protocol/package/encode/back_references.hpp"

#include <gtest/gtest.h>

namespace upswarm::package {
namespace {

using References = std::vector<BackReference>;

std::vector<Sequence> block(const References& references, std::uint32_t start, std::uint32_t end) {
  std::span<const BackReference> left(references);
  std::vector<Sequence> sequences;
  append_block(left, start, end, sequences);
  return sequences;
}

TEST(BackReferences, AFarOneTakesThePlaceOfLiterals) {
  EXPECT_EQ(merge({}, {{10, 100, 5000}}), (References{{10, 100, 5000}}));
  EXPECT_EQ(merge({{0, 10, 1}, {110, 5, 2}}, {{10, 100, 5000}}),
            (References{{0, 10, 1}, {10, 100, 5000}, {110, 5, 2}}));
}

TEST(BackReferences, AFarOneThatSavesNothingIsLeftOut) {
  const References near{{0, 200, 7}};
  EXPECT_EQ(merge(near, {{10, 100, 5000}}), near);
  const References two{{0, 60, 7}, {60, 60, 9}};
  EXPECT_EQ(merge(two, {{10, 100, 5000}}), two);
}

TEST(BackReferences, WhatSticksOutIsKept) {
  EXPECT_EQ(merge({{0, 20, 7}, {30, 5, 1}, {40, 5, 2}, {100, 50, 9}}, {{10, 100, 5000}}),
            (References{{0, 10, 7}, {10, 100, 5000}, {110, 40, 9}}));
  // Two bytes are too few to be a reference.
  EXPECT_EQ(merge({{0, 20, 7}, {108, 4, 9}}, {{2, 108, 5000}}), (References{{2, 108, 5000}}));
}

TEST(BackReferences, FarOnesFollowEachOther) {
  EXPECT_EQ(merge({{90, 30, 7}}, {{0, 100, 5000}, {100, 100, 6000}}), (References{{0, 100, 5000}, {100, 100, 6000}}));
  EXPECT_EQ(merge({{95, 110, 7}}, {{0, 100, 5000}, {200, 100, 6000}}),
            (References{{0, 100, 5000}, {100, 100, 7}, {200, 100, 6000}}));
}

TEST(BackReferences, ABlockIsWhatLiesInIt) {
  const References references{{5, 10, 3}, {20, 30, 4}};
  EXPECT_EQ(block(references, 0, 60), (std::vector<Sequence>{{5, 10, 3}, {5, 30, 4}, {10, 0, 0}}));
  EXPECT_EQ(block(references, 0, 50), (std::vector<Sequence>{{5, 10, 3}, {5, 30, 4}, {0, 0, 0}}));
  EXPECT_EQ(block({}, 7, 12), (std::vector<Sequence>{{5, 0, 0}}));
}

TEST(BackReferences, AReferenceIsCutWhereABlockEnds) {
  const References references{{5, 10, 3}, {16, 40, 4}};
  std::span<const BackReference> left(references);
  std::vector<Sequence> sequences;
  for (const std::uint32_t at : {0U, 10U, 20U, 30U, 40U, 50U}) append_block(left, at, at + 10, sequences);
  EXPECT_EQ(sequences, (std::vector<Sequence>{{5, 5, 3},
                                              {0, 0, 0},
                                              {0, 5, 3},
                                              {1, 4, 4},
                                              {0, 0, 0},
                                              {0, 10, 4},
                                              {0, 0, 0},
                                              {0, 10, 4},
                                              {0, 0, 0},
                                              {0, 10, 4},
                                              {0, 0, 0},
                                              {0, 6, 4},
                                              {4, 0, 0}}));
  EXPECT_TRUE(left.empty());
}

TEST(BackReferences, APieceThatIsTooShortBecomesLiterals) {
  const References references{{8, 4, 3}};
  std::span<const BackReference> left(references);
  std::vector<Sequence> sequences;
  append_block(left, 0, 10, sequences);
  append_block(left, 10, 20, sequences);
  EXPECT_EQ(sequences, (std::vector<Sequence>{{10, 0, 0}, {10, 0, 0}}));
}

}  // namespace
}  // namespace upswarm::package
