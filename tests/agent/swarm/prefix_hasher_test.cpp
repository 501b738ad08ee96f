#include "agent/prefix_hasher.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

/// Who fills the file: piece by piece, as the test says.
class PrefixHasherTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::size_t i = 0; i < 600'000; ++i) content_ += static_cast<char>(i * i >> 7U);
  }
  void make() {
    hasher_.emplace(
        system_files(), folder_ / "file", Bytes{content_.size()},
        [this]() -> std::optional<Bytes> {
          if (is_gone_) return {};
          return Bytes{start_.load()};
        },
        [this] {
          idle_.release();
          more_.acquire();
        });
  }
  /// Waits until all that there is was read, says that there is more, and goes on.
  void grow_to(std::size_t start) {
    idle_.acquire();
    start_ = start;
    more_.release();
  }

  tests::TemporaryFolder folder_;
  std::string content_;
  std::atomic<std::uint64_t> start_ = 0;
  std::atomic<bool> is_gone_ = false;
  std::counting_semaphore<> idle_{0};
  std::counting_semaphore<> more_{0};
  std::optional<PrefixHasher> hasher_;
};

TEST_F(PrefixHasherTest, ReadsInOrderAndNothingTwice) {
  make();
  const auto half = content_.size() / 2;
  idle_.acquire();
  folder_.write("file", content_.substr(0, half));
  idle_.release();
  grow_to(half);
  idle_.acquire();  // it has read the half
  folder_.write("file", std::string(half, 'x') + content_.substr(half));
  idle_.release();
  grow_to(content_.size());
  const auto digest = hasher_->finish({});
  ASSERT_TRUE(digest) << digest.error().message();
  EXPECT_EQ(*digest, sha256(content_));
}

TEST_F(PrefixHasherTest, WhatIsThereAtFirstIsReadAtOnce) {
  folder_.write("file", content_);
  start_ = content_.size();
  make();
  EXPECT_EQ(*hasher_->finish({}), sha256(content_));
  EXPECT_EQ(*hasher_->finish({}), sha256(content_)) << "it may be asked again";
}

TEST_F(PrefixHasherTest, BeyondTheStartNothingCounts) {
  folder_.write("file", content_.substr(0, 1000) + std::string(content_.size() - 1000, 'x'));
  start_ = 1000;
  make();
  idle_.acquire();
  folder_.write("file", content_);
  idle_.release();
  grow_to(content_.size());
  EXPECT_EQ(*hasher_->finish({}), sha256(content_));
}

TEST_F(PrefixHasherTest, EndsWhenNobodyFillsIt) {
  make();
  idle_.acquire();
  is_gone_ = true;
  more_.release();
  const auto digest = hasher_->finish({});
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().kind, ErrorKind::cancelled);
}

TEST_F(PrefixHasherTest, FinishEndsWhenStopped) {
  make();
  std::stop_source stop;
  stop.request_stop();
  const auto digest = hasher_->finish(stop.get_token());
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().kind, ErrorKind::cancelled);
  is_gone_ = true;
  more_.release();
}

TEST_F(PrefixHasherTest, AFileThatIsShorterOrMissingIsAnError) {
  start_ = content_.size();
  make();
  const auto missing = hasher_->finish({});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  folder_.write("file", "short");
  make();
  const auto shorter = hasher_->finish({});
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().kind, ErrorKind::disk);
}

}  // namespace
}  // namespace upswarm::agent
