#include "protocol/package/encode/compress.hpp"

#include "protocol/package/decode/zstd_stream.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr int kStandard = 19;
constexpr int kWindow = 21;
constexpr std::size_t kRun = 64 * 1024;

/// A run, and the same again so far behind that only tables of two MiB know it.
std::string repeated_run() { return noise(kRun, 1) + noise(1'600'000, 2) + noise(kRun, 1); }

TEST(CompressTest, FindsWhatLiesWithinReachAndOverlooksWhatItsTablesDoNotHold) {
  const auto content = repeated_run();
  for (const int level : {kStandard, kStandard + 3}) {
    const auto far = compress_bare(as_bytes(content), level, kWindow, 2_MiB);
    const auto near = compress_bare(as_bytes(content), level, kWindow, 256_KiB);
    ASSERT_TRUE(far && near);
    EXPECT_LT(far->size(), content.size() - kRun + 1000) << level;
    EXPECT_GT(near->size(), content.size() - 1000) << level << ": or its tables are larger than they may be";
    EXPECT_EQ(decompress(as_bytes("\x28\xb5\x2f\xfd" + *near), Bytes{content.size()}, "a test").value(), content);
  }
}

TEST(CompressTest, TheStandardLevelIsWhatItWasWhereTheWindowIsWithinReach) {
  const auto content = repeated_run();
  const auto whole = compress_bare(as_bytes(content), kStandard, kWindow);
  const auto near = compress_bare(as_bytes(content), kStandard, kWindow, 2_MiB);
  ASSERT_TRUE(whole && near);
  EXPECT_EQ(*whole, *near);
}

}  // namespace
}  // namespace upswarm::package
