#include "installer/proc_file.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

TEST(ProcFile, IsReadToItsEndThoughItHasNoSize) {
  const auto text = read_proc_file(system_files(), "/proc/self/status", 64_KiB);
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_NE(text->find("NoNewPrivs:"), std::string::npos);
}

TEST(ProcFile, HasALimitAndMayBeMissing) {
  const tests::TemporaryFolder folder;
  folder.write("file", std::string(100'000, 'x'));
  EXPECT_EQ(read_proc_file(system_files(), folder / "file", 100'000_B)->size(), 100'000U);
  EXPECT_EQ(read_proc_file(system_files(), folder / "file", 99'999_B).error().reason, "too_long");
  EXPECT_EQ(read_proc_file(system_files(), folder / "nothing", 1_KiB).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace upswarm::installer
