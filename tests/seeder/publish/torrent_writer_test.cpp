#include "seeder/publish/torrent_writer.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::publish {
namespace {

class TorrentWriterTest : public testing::Test {
 protected:
  const tests::TemporaryFolder top;

  Result<Torrent> make(const std::string& content, const std::string& name = "app-1.upk.xx",
                       std::stop_token stop = {}) const {
    std::filesystem::remove(top / "file");
    top.write("file", content);
    UPSWARM_TRY(const auto file, tests::unsynced_files().open(top / "file"));
    return make_torrent(*file, name, {}, std::move(stop));
  }

  static std::string pattern(std::size_t length) {
    std::string bytes(length, '\0');
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<char>((i * 7 + 3) % 251);
    return bytes;
  }
};

TEST_F(TorrentWriterTest, TheInfoHashIsWhatBep3Says) {
  // Made with Python's hashlib from BEP 3 alone.
  const auto torrent = make(pattern(100'000));
  ASSERT_TRUE(torrent) << torrent.error().message();
  EXPECT_EQ(torrent->info_hash, "b4663db1472e208235e9ebe6a6098190e51a218e");
  EXPECT_EQ(torrent->bytes.size(), 160U);
  EXPECT_EQ(torrent->piece_length, 32_KiB);
}

TEST_F(TorrentWriterTest, HoldsTheInfoDictionaryAlone) {
  const auto torrent = make(pattern(100'000));
  ASSERT_TRUE(torrent);
  EXPECT_TRUE(
      torrent->bytes.starts_with("d4:infod6:lengthi100000e4:name12:app-1.upk.xx12:piece lengthi32768e6:pieces80:"));
  for (const auto* word : {"announce", "creation date", "created by", "private", "meta version", "url-list"}) {
    EXPECT_EQ(torrent->bytes.find(word), std::string::npos) << word;
  }
}

TEST_F(TorrentWriterTest, SameContentAndNameGiveTheSameBytes) {
  const auto one = make(pattern(70'000));
  const auto two = make(pattern(70'000));
  EXPECT_EQ(one->bytes, two->bytes);
  EXPECT_NE(make(pattern(70'001))->info_hash, one->info_hash);
  EXPECT_NE(make(pattern(70'000), "other.upk")->info_hash, one->info_hash);
}

TEST_F(TorrentWriterTest, PiecesGrowWithTheFileWithinTheirBounds) {
  EXPECT_EQ(piece_length_for(1_B), 32_KiB);
  EXPECT_EQ(piece_length_for(Bytes{(32_KiB).count * 1250}), 32_KiB);
  EXPECT_EQ(piece_length_for(Bytes{(32_KiB).count * 1250 + 1}), 64_KiB);
  EXPECT_EQ(piece_length_for(Bytes{(64_KiB).count * 2500}), 64_KiB);
  EXPECT_EQ(piece_length_for(Bytes{(64_KiB).count * 2500 + 1}), 128_KiB);
  EXPECT_EQ(piece_length_for(512_MiB), 128_KiB);
  EXPECT_EQ(piece_length_for(500_GiB), 1_MiB);
}

TEST_F(TorrentWriterTest, AnEmptyFileHasNoTorrent) { EXPECT_EQ(make("").error().kind, ErrorKind::invalid); }

TEST_F(TorrentWriterTest, StopsWhenAsked) {
  EXPECT_EQ(make(pattern(100), "x", tests::already_stopped()).error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::publish
