#include "agent/byte_book.hpp"

#include <gmock/gmock.h>

#include "agent/endpoint.hpp"

namespace upswarm::agent {
namespace {

using testing::ElementsAre;

constexpr Bytes kPiece = 32_KiB;
constexpr Bytes kLength = 70_KiB;  // pieces of 32, 32 and 6 KiB

TEST(ByteBook, BooksAPieceOnlyWhenItPassed) {
  ByteBook book(kLength, kPiece);
  book.block_finished(0, 0, ByteSource::site);
  book.block_finished(0, 1, ByteSource::origin_bt);
  EXPECT_EQ(book.totals().verified(), 0_B);
  EXPECT_EQ(book.from_peers(), 32_KiB);
  book.piece_finished(0);
  EXPECT_EQ(book.totals().site, 16_KiB);
  EXPECT_EQ(book.totals().origin_bt, 16_KiB);
  EXPECT_THAT(book.missing(), ElementsAre(1, 2));
  EXPECT_EQ(book.missing_bytes(), 38_KiB);
}

TEST(ByteBook, OtherSitesAreASourceOfTheirOwn) {
  ByteBook book(kLength, kPiece);
  book.block_finished(0, 0, ByteSource::other_site);
  book.block_finished(0, 1, ByteSource::site);
  EXPECT_EQ(book.from_peers(), 32_KiB);
  book.piece_finished(0);
  EXPECT_EQ(book.totals().other, 16_KiB);
  EXPECT_EQ(book.totals().verified(), 32_KiB);
  EXPECT_EQ(book.from_peers(), 32_KiB);
}

TEST(ByteBook, KnowsHowMuchOfTheStartIsThere) {
  ByteBook book(kLength, kPiece);
  EXPECT_EQ(book.start(), 0_B);
  EXPECT_FALSE(book.any_wanted());
  book.piece_finished(2);
  EXPECT_EQ(book.any_wanted(), 2U);
  book.want({0, 1});
  EXPECT_FALSE(book.any_wanted());
  book.piece_finished(1);
  EXPECT_EQ(book.any_wanted(), 1U);
  EXPECT_EQ(book.start(), 0_B);
  book.piece_failed(0);
  book.piece_finished(0);
  EXPECT_EQ(book.start(), kLength);
}

TEST(ByteBook, SourcesAddUpToTheLength) {
  ByteBook book(kLength, kPiece);
  book.piece_finished(1);                       // found on disk
  book.block_finished(0, 1, ByteSource::site);  // its other block came before a restart
  book.piece_finished(0);
  book.block_finished(2, 0, ByteSource::origin_http);  // the short last piece
  book.piece_given(2);
  book.piece_finished(2);
  book.piece_finished(2);
  EXPECT_TRUE(book.is_complete());
  EXPECT_EQ(book.totals().disk, 48_KiB);
  EXPECT_EQ(book.totals().site, 16_KiB);
  EXPECT_EQ(book.totals().origin_http, 6_KiB);
  EXPECT_EQ(book.totals().verified(), kLength);
  EXPECT_EQ(book.totals().wasted, 0_B);
}

TEST(ByteBook, FailedPiecesAreWasteAndCountAfresh) {
  ByteBook book(kLength, kPiece);
  book.block_finished(0, 0, ByteSource::site);
  book.block_finished(0, 1, ByteSource::site);
  book.piece_failed(0);
  EXPECT_EQ(book.totals().wasted, 32_KiB);
  EXPECT_EQ(book.failed_given(), 0U);
  book.block_finished(0, 0, ByteSource::origin_bt);
  book.block_finished(0, 1, ByteSource::origin_bt);
  book.piece_finished(0);
  EXPECT_EQ(book.totals().origin_bt, 32_KiB);
  EXPECT_EQ(book.totals().site, 0_B);
  EXPECT_EQ(book.from_peers(), 32_KiB);  // the same bytes again are no progress
}

TEST(ByteBook, WhatOfAGivenPieceWasNotNeededIsWaste) {
  ByteBook book(kLength, kPiece);
  book.block_finished(0, 0, ByteSource::site);
  book.piece_given(0);
  book.block_finished(0, 1, ByteSource::origin_http);
  book.piece_finished(0);
  EXPECT_EQ(book.totals().wasted, 16_KiB);
  book.piece_given(0);  // came too late
  EXPECT_EQ(book.totals().wasted, 48_KiB);
  book.piece_given(1);
  book.block_finished(1, 0, ByteSource::origin_http);
  book.block_finished(1, 1, ByteSource::origin_http);
  book.piece_failed(1);
  EXPECT_EQ(book.totals().wasted, 80_KiB);
  EXPECT_EQ(book.failed_given(), 1U);
  EXPECT_EQ(book.failed_mixed(), 0U);
  book.set_redundant(5_KiB);
  EXPECT_EQ(book.totals().wasted, 85_KiB);
}

TEST(ByteBook, APieceThatFailsWithBlocksOfPeersInItIsNotHeldAgainstTheOrigin) {
  ByteBook book(kLength, kPiece);
  book.block_finished(0, 0, ByteSource::site);
  book.piece_given(0);
  book.block_finished(0, 1, ByteSource::origin_http);
  book.piece_failed(0);
  EXPECT_EQ(book.failed_given(), 0U);
  EXPECT_EQ(book.failed_mixed(), 1U);
  EXPECT_EQ(book.totals().wasted, 48_KiB);
}

TEST(ByteBook, OnlyWantedPiecesAreMissingAndNothingIsForgotten) {
  ByteBook book(kLength, kPiece);
  book.want({2});
  EXPECT_THAT(book.missing(), ElementsAre(2));
  EXPECT_EQ(book.missing_bytes(), 6_KiB);
  EXPECT_EQ(book.wanted_bytes(), 6_KiB);
  EXPECT_EQ(book.left(), kLength);
  book.piece_finished(0);  // a neighbour was quick
  EXPECT_EQ(book.missing_bytes(), 6_KiB);
  book.piece_finished(2);
  EXPECT_TRUE(book.is_complete());
  EXPECT_EQ(book.left(), 32_KiB);
  book.want({0, 1, 9});
  EXPECT_THAT(book.missing(), ElementsAre(1));
  EXPECT_EQ(book.wanted_bytes(), 64_KiB);
  book.want({});
  EXPECT_THAT(book.missing(), ElementsAre(1));
  EXPECT_EQ(book.missing_bytes(), 32_KiB);
  EXPECT_EQ(book.wanted_bytes(), kLength);
  book.piece_finished(1);
  EXPECT_TRUE(book.is_complete());
  EXPECT_EQ(book.totals().verified(), kLength);
}

TEST(ByteBook, IgnoresPiecesAndBlocksThatDoNotExist) {
  ByteBook book(kLength, kPiece);
  book.block_finished(3, 0, ByteSource::site);
  book.block_finished(0, 2, ByteSource::site);
  book.block_finished(4'000'000'000U, 4'000'000'000U, ByteSource::site);
  book.piece_finished(3);
  book.piece_failed(3);
  book.piece_given(3);
  EXPECT_EQ(book.from_peers(), 0_B);
  EXPECT_EQ(book.missing_bytes(), kLength);
}

TEST(Endpoint, TheOriginIsKnownByItsAddress) {
  struct Case {
    Endpoint peer;
    Endpoint origin;
    bool same;
  };
  for (const auto& [peer, origin, same] : {
           Case{{"10.0.0.1", 6881}, {"10.0.0.1", 6881}, true},
           Case{{"10.0.0.1", 50123}, {"10.0.0.1", 6881}, true},  // it connected to us
           Case{{"10.0.0.2", 6881}, {"10.0.0.1", 6881}, false},
           Case{{"127.0.0.1", 6882}, {"127.0.0.1", 6881}, false},
           Case{{"127.0.0.1", 6881}, {"127.0.0.1", 6881}, true},
           Case{{"127.0.0.1", 6882}, {"127.0.0.1", 0}, true},
           Case{{"::1", 6882}, {"::1", 6881}, false},
           Case{{"10.0.0.1", 6881}, {"", 0}, false},
       }) {
    EXPECT_EQ(is_origin(peer, origin), same) << peer.text() << " " << origin.text();
  }
  EXPECT_EQ((Endpoint{"::1", 80}).text(), "[::1]:80");
}

}  // namespace
}  // namespace upswarm::agent
