#include "seeder/package_use.hpp"

#include <gtest/gtest.h>

#include "protocol/base/hex.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class PackageUseTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001");
    world.write_online_keys();
    world.start();
    ASSERT_EQ(world.incoming().poll()->taken, 1);
    const auto rows = world.database().run("SELECT info_hash, path FROM torrents");
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 1U);
    info_hash = std::string(as_text(*from_hex(rows->at(0).text(0))));
  }
  Json described() {
    const auto list = describe_use(world.database());
    EXPECT_TRUE(list) << list.error().message();
    return list->at(0);
  }
  void write() { ASSERT_TRUE(use.write(world.database(), world.clock.now())); }

  tests::SeederWorld world;
  std::string info_hash;
  PackageUse use;
};

TEST_F(PackageUseTest, WhatNobodyUsedIsListedToo) {
  EXPECT_EQ(described()["path"], tests::SeederWorld::package_path("1.0.0"));
  EXPECT_EQ(described()["machines"], 0);
  EXPECT_EQ(described()["last"], "");
}

TEST_F(PackageUseTest, MachinesAndBytesAddUpOverRestarts) {
  const auto package = sha256("the first package");
  use.note_complete(info_hash);
  use.note_complete(info_hash, 2);
  use.note_http(package, 100_B);
  EXPECT_EQ(described()["machines"], 0) << "not yet written";
  write();
  write();
  world.stop();
  world.start();
  use.note_complete(info_hash);
  use.note_http(package, 11_B);
  write();
  EXPECT_EQ(described()["machines"], 4);
  EXPECT_EQ(described()["http_bytes"], 111);
  EXPECT_EQ(described()["last"], to_string(world.clock.now()));
}

TEST_F(PackageUseTest, WhatIsNoPackageIsNotKept) {
  use.note_complete(std::string(20, 'x'));
  use.note_http(sha256("an index"), 5_B);
  write();
  EXPECT_EQ(world.database().run("SELECT count(*) FROM package_use")->at(0).integer(0), 0);
}

TEST_F(PackageUseTest, NothingIsLostByAnError) {
  use.note_complete(info_hash);
  use.note_http(sha256("the first package"), 7_B);
  ASSERT_TRUE(world.database().run("ALTER TABLE package_use RENAME TO away"));
  EXPECT_FALSE(use.write(world.database(), world.clock.now()));
  ASSERT_TRUE(world.database().run("ALTER TABLE away RENAME TO package_use"));
  write();
  EXPECT_EQ(described()["machines"], 1);
  EXPECT_EQ(described()["http_bytes"], 7);
}

TEST_F(PackageUseTest, NoNumberOverflows) {
  const Bytes most{std::numeric_limits<std::uint64_t>::max()};
  for (int i = 0; i < 5; ++i) {
    use.note_http(sha256("the first package"), most);
    use.note_http(sha256("the first package"), most);
    write();
  }
  EXPECT_GT(described()["http_bytes"].get<std::int64_t>(), 0);
}

}  // namespace
}  // namespace upswarm::seeder
