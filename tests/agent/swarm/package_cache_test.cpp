#include "agent/package_cache.hpp"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using testing::ElementsAre;

class PackageCacheTest : public testing::Test {
 protected:
  PackageCache open() { return std::move(*PackageCache::open(system_files(), folder.path())); }
  tests::TemporaryFolder folder;
  Sha256 package = sha256("content");
};

TEST_F(PackageCacheTest, ResumeDataOutliveAClean) {
  ASSERT_TRUE(open().close({{package, "resume"}}));
  auto cache = open();
  EXPECT_TRUE(cache.was_clean());
  EXPECT_FALSE(*exists(system_files(), folder / "clean"));
  EXPECT_EQ(cache.take_resume(package), "resume");
  EXPECT_EQ(cache.take_resume(package), "");
}

TEST_F(PackageCacheTest, AKillTakesResumeDataAway) {
  ASSERT_TRUE(open().close({{package, "resume"}}));
  { auto killed = open(); }
  auto cache = open();
  EXPECT_FALSE(cache.was_clean());
  EXPECT_EQ(cache.take_resume(package), "");
  EXPECT_FALSE(*exists(system_files(), folder / (package.hex() + ".resume")));
}

TEST_F(PackageCacheTest, OneUserAtATime) {
  const auto cache = open();
  EXPECT_EQ(PackageCache::open(system_files(), folder.path()).error().kind, ErrorKind::busy);
}

TEST_F(PackageCacheTest, VerifiesByTheWholeFile) {
  auto cache = open();
  EXPECT_EQ(cache.verify(package, {}).error().kind, ErrorKind::not_found);
  folder.write(PackageCache::file_name(package), "content");
  EXPECT_TRUE(cache.verify(package, {}));
  folder.write(PackageCache::file_name(package), "contend");
  EXPECT_EQ(cache.verify(package, {}).error().kind, ErrorKind::corrupt);
}

TEST_F(PackageCacheTest, ListsAndForgetsPackagesAlone) {
  auto cache = open();
  folder.write(PackageCache::file_name(package), "content");
  folder.write(package.hex() + ".resume", "r");
  folder.write("notes.bin", "not ours");
  EXPECT_THAT(*cache.packages(), ElementsAre(package));
  EXPECT_TRUE(*cache.has(package));
  ASSERT_TRUE(cache.forget(package));
  ASSERT_TRUE(cache.forget(package));
  EXPECT_THAT(*cache.packages(), ElementsAre());
  EXPECT_EQ(cache.take_resume(package), "");
  EXPECT_TRUE(*exists(system_files(), folder / "notes.bin"));
}

}  // namespace
}  // namespace upswarm::agent
