#include "agent/target_cache.hpp"

#include <gtest/gtest.h>

#include "protocol/base/digest.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class CountingSource final : public trust::RepositorySource {
 public:
  std::string content = "content";
  int asked = 0;
  Result<std::string> metadata(const std::string& name, Bytes /*longest*/) override { return name; }
  Result<std::string> target(const std::string& /*name*/, Bytes /*longest*/) override {
    ++asked;
    return content;
  }
};

class TargetCacheTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder_;
  CountingSource source_;
  TargetCache cache_{source_, system_files(), folder_.path()};
  std::string digest_ = sha256("content").hex();
  std::string name_ = "index/app/stable/" + digest_ + ".linux-x64.json";
};

TEST_F(TargetCacheTest, FetchesATargetOnce) {
  EXPECT_EQ(*cache_.target(name_, 100_B), "content");
  EXPECT_EQ(*cache_.target(name_, 100_B), "content");
  EXPECT_EQ(source_.asked, 1);
}

TEST_F(TargetCacheTest, DamagedBytesAreFetchedAgain) {
  folder_.write(digest_, "damaged");
  EXPECT_EQ(*cache_.target(name_, 100_B), "content");
  EXPECT_EQ(folder_.read(digest_), "content");
}

TEST_F(TargetCacheTest, WrongBytesOfTheSourceAreNotKept) {
  source_.content = "wrong";
  EXPECT_EQ(*cache_.target(name_, 100_B), "wrong");
  EXPECT_FALSE(*exists(system_files(), folder_ / digest_));
}

TEST_F(TargetCacheTest, ANameWithoutADigestIsNotCached) {
  EXPECT_EQ(digest_in_name("index/app/stable/linux-x64.json"), "");
  EXPECT_EQ(digest_in_name(digest_ + ".root"), digest_);
  ASSERT_TRUE(cache_.target("../escape", 100_B));
  ASSERT_TRUE(cache_.target("../escape", 100_B));
  EXPECT_EQ(source_.asked, 2);
}

TEST_F(TargetCacheTest, DropsWhatWasNotAskedFor) {
  folder_.write(std::string(64, 'a'), "old");
  ASSERT_TRUE(cache_.target(name_, 100_B));
  cache_.drop_unused();
  EXPECT_EQ(*system_files().list(folder_.path()), std::vector<std::string>{digest_});
}

}  // namespace
}  // namespace upswarm::agent
