#include "installer/guard.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

class GuardTest : public testing::Test {
 protected:
  std::string refusal(const Path& path) {
    const auto checked = check_private_folder(system_files(), path);
    return checked ? "accepted" : checked.error().cause;
  }
  void mode(const std::string& name, unsigned bits) {
    std::filesystem::permissions(folder / name, static_cast<std::filesystem::perms>(bits));
  }

  tests::TemporaryFolder folder;
};

TEST_F(GuardTest, AFolderOfOurOwnIsAccepted) {
  ASSERT_TRUE(prepare_private_folder(system_files(), folder / "a/b"));
  EXPECT_EQ(refusal(folder / "a/b"), "accepted");
}

TEST_F(GuardTest, AFolderThatOthersMayWriteIsRefused) {
  ASSERT_TRUE(prepare_private_folder(system_files(), folder / "a"));
  mode("a", 0777);
  EXPECT_NE(refusal(folder / "a").find("chmod go-w"), std::string::npos);
}

TEST_F(GuardTest, AStickyFolderIsGoodAboveButNotItself) {
  ASSERT_TRUE(prepare_private_folder(system_files(), folder / "a/b"));
  mode("a", 01777);
  EXPECT_EQ(refusal(folder / "a/b"), "accepted");
  EXPECT_NE(refusal(folder / "a"), "accepted");
}

TEST_F(GuardTest, AWritableFolderAboveIsRefused) {
  ASSERT_TRUE(prepare_private_folder(system_files(), folder / "a/b"));
  mode("a", 0775);
  EXPECT_NE(refusal(folder / "a/b"), "accepted");
}

TEST_F(GuardTest, ALinkIsRefusedAnywhereInThePath) {
  ASSERT_TRUE(prepare_private_folder(system_files(), folder / "real/b"));
  std::filesystem::create_symlink(folder / "real", folder / "link");
  EXPECT_NE(refusal(folder / "link"), "accepted");
  EXPECT_NE(refusal(folder / "link/b"), "accepted");
}

TEST_F(GuardTest, AFileIsNoFolder) {
  folder.write("file", "");
  EXPECT_NE(refusal(folder / "file"), "accepted");
}

}  // namespace
}  // namespace upswarm::installer
