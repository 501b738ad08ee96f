#include "agent/pieces.hpp"

#include <gmock/gmock.h>

namespace upswarm::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Pieces of 16, 16 and 8 KiB.
trust::PackageFile file() {
  return {.path = "p", .length = 40_KiB, .sha256 = {}, .info_hash = {}, .piece_length = 16_KiB};
}

TEST(Pieces, HoldEveryByteOfAPart) {
  EXPECT_THAT(pieces_of(file(), {{0_B, 1_B}}), ElementsAre(0));
  EXPECT_THAT(pieces_of(file(), {{0_B, 16_KiB}}), ElementsAre(0));
  EXPECT_THAT(pieces_of(file(), {{16_KiB - 1_B, 2_B}}), ElementsAre(0, 1));
  EXPECT_THAT(pieces_of(file(), {{0_B, 40_KiB}}), ElementsAre(0, 1, 2));
}

TEST(Pieces, RiseAndComeOnce) {
  EXPECT_THAT(pieces_of(file(), {{32_KiB, 8_KiB}, {0_B, 4_B}, {10_B, 4_B}}), ElementsAre(0, 2));
}

TEST(Pieces, EndWithTheFile) {
  EXPECT_THAT(pieces_of(file(), {{39_KiB, Bytes{~std::uint64_t{0}}}, {40_KiB, 1_B}, {0_B, 0_B}}), ElementsAre(2));
  EXPECT_THAT(pieces_of(file(), {}), IsEmpty());
}

TEST(Pieces, AreAsLongAsTheFileHasThem) {
  EXPECT_EQ(length_of(file(), {0, 2}), 24_KiB);
  EXPECT_EQ(length_of(file(), {7}), 0_B);
}

}  // namespace
}  // namespace upswarm::agent
