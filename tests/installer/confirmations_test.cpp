#include "installer/confirmations.hpp"

#include <gtest/gtest.h>

#include "installer/guard.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

class ConfirmationsTest : public testing::Test {
 protected:
  std::string token() {
    const auto text = folder.read("app.env");
    return text.substr(text.find('=') + 1, 32);
  }

  tests::TemporaryFolder folder;
  TokenConfirmations confirmations{system_files(), folder.path()};
};

TEST_F(ConfirmationsTest, TheRightTokenOfTheRightAccountConfirms) {
  ASSERT_TRUE(confirmations.expect("app", ""));
  EXPECT_FALSE(confirmations.is_confirmed("app"));
  EXPECT_TRUE(confirmations.confirm("app", token(), own_user()));
  EXPECT_TRUE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, AnotherAccountMayNotConfirm) {
  ASSERT_TRUE(confirmations.expect("app", ""));
  EXPECT_EQ(confirmations.confirm("app", token(), own_user() + 1).error().kind, ErrorKind::denied);
  EXPECT_FALSE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, AWrongTokenIsRefused) {
  ASSERT_TRUE(confirmations.expect("app", ""));
  EXPECT_EQ(confirmations.confirm("app", "0123", own_user()).error().kind, ErrorKind::denied);
  EXPECT_FALSE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, ATokenIsGoodForOneStartOnly) {
  ASSERT_TRUE(confirmations.expect("app", ""));
  const auto old = token();
  ASSERT_TRUE(confirmations.expect("app", ""));
  EXPECT_FALSE(confirmations.confirm("app", old, own_user()));
  EXPECT_FALSE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, NothingAwaitedNothingConfirmed) {
  EXPECT_EQ(confirmations.confirm("app", "x", own_user()).error().kind, ErrorKind::not_found);
}

TEST_F(ConfirmationsTest, TheTokenIsReadableByUsAlone) {
  ASSERT_TRUE(confirmations.expect("app", ""));
  EXPECT_EQ(std::filesystem::status(folder / "app.env").permissions(), std::filesystem::perms(0600));
}

}  // namespace
}  // namespace upswarm::installer
