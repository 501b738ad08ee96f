#include "seeder/seeding.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

TEST(Seeding, NamesAPortInUse) {
  const auto first = start_libtorrent_seeding({.listen = "127.0.0.1", .port = 0, .upload_limit = {}});
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_NE((*first)->port(), 0);
  const auto second = start_libtorrent_seeding({.listen = "127.0.0.1", .port = (*first)->port(), .upload_limit = {}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy) << second.error().message();
  EXPECT_NE(second.error().message().find(std::to_string((*first)->port())), std::string::npos);
}

TEST(Seeding, SeedsWhatIsListedAndNothingElse) {
  tests::TemporaryFolder folder;
  folder.write("stored", std::string(70'000, 'x'));
  const auto torrent = tests::torrent_of("app.upk", 70'000);
  const SeedFile seed{folder / "stored", "pkg/app/linux-x64/1.0.0/app.upk", torrent, *read_torrent(torrent, "test")};
  const auto seeding = start_libtorrent_seeding({.listen = "127.0.0.1", .port = 0, .upload_limit = {}});
  ASSERT_TRUE(seeding) << seeding.error().message();
  (*seeding)->seed_only({seed});
  (*seeding)->seed_only({seed});
  EXPECT_EQ((*seeding)->stats().torrents, 1);
  (*seeding)->seed_only({});
  EXPECT_EQ((*seeding)->stats().torrents, 0);
}

}  // namespace
}  // namespace upswarm::seeder
