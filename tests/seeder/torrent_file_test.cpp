#include "seeder/torrent_file.hpp"

#include <gtest/gtest.h>

#include "seeder/bencode.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

TEST(TorrentFile, TellsItsFacts) {
  const auto facts = read_torrent(tests::torrent_of("app.upk", 70'000), "test");
  ASSERT_TRUE(facts) << facts.error().message();
  EXPECT_EQ(facts->name, "app.upk");
  EXPECT_EQ(facts->length, 70'000_B);
  EXPECT_EQ(facts->piece_length, 32_KiB);
  EXPECT_EQ(facts->info_hash.size(), 40U);
}

TEST(TorrentFile, RefusesTrackersAndManyFiles) {
  const auto good = tests::torrent_of("app.upk", 70'000);
  EXPECT_FALSE(read_torrent("d8:announce15:http://evil/ann" + good.substr(1), "test"));
  const auto file =
      bencoded_dictionary({{"length", bencoded(std::int64_t{5})}, {"path", bencoded_list({bencoded("x")})}});
  const auto other =
      bencoded_dictionary({{"length", bencoded(std::int64_t{5})}, {"path", bencoded_list({bencoded("y")})}});
  const auto info = bencoded_dictionary({{"files", bencoded_list({file, other})},
                                         {"name", bencoded("n")},
                                         {"piece length", bencoded(std::int64_t{32768})},
                                         {"pieces", bencoded(std::string(20, 'h'))}});
  EXPECT_FALSE(read_torrent(bencoded_dictionary({{"info", info}}), "test"));
}

TEST(TorrentFile, RefusesWhatIsNone) {
  for (const auto* bad : {"", "d", "de", "hello", "d4:infodee"}) EXPECT_FALSE(read_torrent(bad, "test")) << bad;
}

}  // namespace
}  // namespace upswarm::seeder
