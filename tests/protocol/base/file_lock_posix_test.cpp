#include "protocol/base/file_lock.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

TEST(FileLock, LetsOneInAtATime) {
  const tests::TemporaryFolder folder;
  {
    auto first = FileLock::take(folder / "lock");
    ASSERT_TRUE(first) << first.error().message();
    const auto second = FileLock::take(folder / "lock");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy);
    const auto moved = std::move(*first);
    EXPECT_FALSE(FileLock::take(folder / "lock")) << "a moved lock is held";
  }
  EXPECT_TRUE(FileLock::take(folder / "lock"));
}

TEST(FileLock, NeedsItsFolder) {
  const tests::TemporaryFolder folder;
  EXPECT_EQ(FileLock::take(folder / "none/lock").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace upswarm
