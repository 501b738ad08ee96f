#include "agent/parts_choice.hpp"

#include <gmock/gmock.h>

namespace upswarm::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Bytes kPiece = 64_KiB;

/// Pieces of 64 KiB; the last one has 1 KiB.
trust::PackageFile file() {
  return {.path = "p", .length = 64_MiB + 1_KiB, .sha256 = {}, .info_hash = {}, .piece_length = kPiece};
}
SignedPart part(Bytes offset, Bytes length) { return {{offset, length}, sha256(std::to_string(offset.count))}; }
Bytes piece(std::uint64_t number) { return Bytes{number * kPiece.count}; }

class PartsChoiceTest : public testing::Test {
 protected:
  PartsChoice choose() const { return choose_parts(file(), needed, view); }
  std::vector<FilePart> ranges() const {
    const auto choice = choose();
    return ranges_for(file(), choice.parts, choice.pieces, view.start_here);
  }

  std::vector<SignedPart> needed;
  SwarmView view;
};

TEST_F(PartsChoiceTest, AloneOnlyWhatIsNeededIsFetched) {
  needed = {part(piece(3) + 5_B, 2_KiB), part(piece(700), 900_B)};
  const auto choice = choose();
  EXPECT_THAT(choice.pieces, IsEmpty());
  EXPECT_EQ(choice.parts, needed);
  EXPECT_EQ(choice.origin, 2_KiB + 900_B);
  EXPECT_EQ(choice.by_ranges, choice.origin);
  EXPECT_THAT(ranges(), ElementsAre(needed[0].place, needed[1].place));
}

TEST_F(PartsChoiceTest, WhatIsNeededWhollyGoesThroughTheSwarm) {
  needed = {part(piece(3) + 60_KiB, 4_KiB + 128_KiB + 1_B), part(piece(8), 60_KiB), part(piece(9), 59_KiB),
            part(64_MiB, 1_KiB)};
  const auto choice = choose();
  EXPECT_THAT(choice.pieces, ElementsAre(4, 5, 8, 1024));
  EXPECT_THAT(choice.parts, ElementsAre(needed[0], needed[2]));
  EXPECT_THAT(ranges(),
              ElementsAre(FilePart{piece(3) + 60_KiB, 4_KiB}, FilePart{piece(6), 1_B}, FilePart{piece(9), 59_KiB}));
  EXPECT_EQ(choice.by_ranges, 4_KiB + 1_B + 59_KiB);
  EXPECT_EQ(choice.origin, choice.by_ranges + 192_KiB + 1_KiB);
}

TEST_F(PartsChoiceTest, WhatANeighbourHasIsTakenFromIt) {
  needed = {part(piece(3), 10_B), part(piece(4), 10_B)};
  view = {.neighbours = 1, .held = {4}};
  const auto choice = choose();
  EXPECT_THAT(choice.pieces, ElementsAre(4));
  EXPECT_EQ(choice.site, kPiece);
  EXPECT_EQ(choice.origin, 10_B);
}

TEST_F(PartsChoiceTest, WithNeighboursAPieceIsSharedWhereTheyNeedAsMuchOfIt) {
  needed = {part(piece(3), 16_KiB), part(piece(9), 15_KiB)};
  EXPECT_THAT(choose().pieces, IsEmpty());
  view.neighbours = 2;
  EXPECT_THAT(choose().pieces, IsEmpty());
  view.neighbours = 3;
  EXPECT_THAT(choose().pieces, ElementsAre(3, 9)) << "15 of 16 of it do";
  needed[1].place.length = 14_KiB;
  EXPECT_THAT(choose().pieces, ElementsAre(3));
  view.neighbours = 100'000;
  needed[1].place.length = 1_B;
  EXPECT_THAT(choose().pieces, ElementsAre(3, 9));
}

TEST_F(PartsChoiceTest, WhatIsHereCostsNothing) {
  needed = {part(0_B, 70_KiB), part(piece(7), 10_B)};
  view = {.neighbours = 0, .held = {}, .here = {0, 7}, .start_here = 70_KiB};
  const auto choice = choose();
  EXPECT_THAT(choice.pieces, ElementsAre(0, 7));
  EXPECT_THAT(choice.parts, ElementsAre(needed[0])) << "it is verified as a whole";
  EXPECT_EQ(choice.here, kPiece + kPiece + 6_KiB);
  EXPECT_EQ(choice.origin, 0_B);
  EXPECT_THAT(ranges(), IsEmpty());
}

TEST_F(PartsChoiceTest, TheSmallestGapsAreFetchedUpToATwentiethOfWhatIsNeeded) {
  needed = {part(piece(1), 10'000_B), part(piece(1) + 11'000_B, 5'000_B), part(piece(1) + 16'400_B, 5'000_B)};
  EXPECT_THAT(ranges(), ElementsAre(needed[0].place, FilePart{piece(1) + 11'000_B, 10'400_B}))
      << "20,000 bytes buy 1,000: 400, and not 1,000 more";
  EXPECT_EQ(choose().origin, 20'400_B);
  needed.push_back(part(piece(500), 50'000_B));
  EXPECT_THAT(ranges(), ElementsAre(FilePart{piece(1), 21'400_B}, needed[3].place));
}

TEST_F(PartsChoiceTest, NoGapIsLongerThanWhatARequestCosts) {
  needed = {part(piece(1), 1_KiB), part(piece(1) + 1_KiB + kLongestGap + 1_B, 1_KiB)};
  for (std::uint64_t i = 0; i < 40; ++i) needed.push_back(part(piece(100 + 2 * i), 59_KiB));
  EXPECT_EQ(ranges().size(), needed.size());
  needed[1].place.offset -= 1_B;
  EXPECT_EQ(ranges().size(), needed.size() - 1);
}

TEST_F(PartsChoiceTest, RequestsAreBoundedInLengthAndNumber) {
  for (std::uint64_t i = 0; i <= kMostRangeRequests; ++i) needed.push_back(part(Bytes{i * 65'000}, 1_B));
  needed.back().place.offset += 500_B;
  EXPECT_EQ(ranges().size(), kMostRangeRequests);
  needed = {part(0_B, 9_MiB)};
  const auto parts = ranges_for(file(), needed, {}, {});
  EXPECT_THAT(parts, ElementsAre(FilePart{0_B, 4_MiB}, FilePart{4_MiB, 4_MiB}, FilePart{8_MiB, 1_MiB}));
}

/// A twentieth of a release in frames of some KiB, anywhere.
TEST_F(PartsChoiceTest, ScatteredOrNotAtMostATenthMoreIsFetched) {
  for (const std::uint64_t frame : {300U, 4'000U, 30'000U, 60'000U, 63'000U, 250'000U}) {
    needed.clear();
    Bytes all;
    std::uint64_t seed = frame;
    for (std::uint64_t at = 0; at + frame < file().length.count;) {
      needed.push_back(part(Bytes{at}, Bytes{frame}));
      all += Bytes{frame};
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      at += frame + (seed >> 33U) % (frame * 38);
      if (needed.size() == 900) break;
    }
    EXPECT_LE(choose().origin.count * 10, all.count * 11) << frame;
  }
}

TEST_F(PartsChoiceTest, WherePiecesMustDoTheyAreReckonedTheSameWay) {
  view = {.neighbours = 2, .held = {1}, .here = {0}};
  const auto choice = choose_pieces(file(), {0, 1, 2, 1024}, view);
  EXPECT_EQ(choice.here, kPiece);
  EXPECT_EQ(choice.site, kPiece);
  EXPECT_EQ(choice.origin, kPiece + 1_KiB);
  EXPECT_EQ(choice.all(), kPiece + kPiece + kPiece + 1_KiB);
  EXPECT_THAT(choice.parts, IsEmpty());
}

}  // namespace
}  // namespace upswarm::agent
