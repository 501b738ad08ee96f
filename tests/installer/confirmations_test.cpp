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
  TokenConfirmations make() {
    return TokenConfirmations(system_files(), folder.path(),
                              [this](const PeerIdentity&) -> Result<Path> { return program; });
  }

  tests::TemporaryFolder folder;
  Path program = "/srv/app/versions/2.0.0/bin/app";
  PeerIdentity we{.user = own_user(), .process = 17};
  PeerIdentity others{.user = own_user() + 1, .process = 17};
  TokenConfirmations confirmations{system_files(), folder.path(),
                                   [this](const PeerIdentity&) -> Result<Path> { return program; }};
  TokenConfirmations restarted{system_files(), folder.path(),
                               [this](const PeerIdentity&) -> Result<Path> { return program; }};
};

TEST_F(ConfirmationsTest, TheRightTokenOfTheRightAccountConfirms) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  EXPECT_FALSE(confirmations.is_confirmed("app"));
  EXPECT_TRUE(confirmations.confirm("app", token(), we));
  EXPECT_TRUE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, AnotherAccountMayNotConfirm) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  EXPECT_EQ(confirmations.confirm("app", token(), others).error().kind, ErrorKind::denied);
  EXPECT_FALSE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, TellWhoseWordIsAwaited) {
  EXPECT_FALSE(confirmations.is_awaited_from(we.user));
  ASSERT_TRUE(confirmations.expect("app", {}));
  EXPECT_TRUE(confirmations.is_awaited_from(we.user));
  EXPECT_FALSE(confirmations.is_awaited_from(others.user));
  ASSERT_TRUE(confirmations.confirm("app", token(), we));
  EXPECT_FALSE(confirmations.is_awaited_from(we.user));
  ASSERT_TRUE(confirmations.expect("app", {}));
  confirmations.forget("app");
  EXPECT_FALSE(confirmations.is_awaited_from(we.user));
}

TEST_F(ConfirmationsTest, AWrongTokenIsRefused) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  EXPECT_EQ(confirmations.confirm("app", "0123", we).error().kind, ErrorKind::denied);
  EXPECT_FALSE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, ATokenIsGoodForOneStartOnly) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  const auto old = token();
  ASSERT_TRUE(confirmations.expect("app", {}));
  EXPECT_FALSE(confirmations.confirm("app", old, we));
  EXPECT_FALSE(confirmations.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, NothingAwaitedNothingConfirmed) {
  EXPECT_EQ(confirmations.confirm("app", "x", we).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(confirmations.expect("app", {}));
  const auto last = token();
  confirmations.forget("app");
  EXPECT_EQ(confirmations.confirm("app", last, we).error().kind, ErrorKind::not_found);
  EXPECT_EQ(restarted.confirm("app", last, we).error().kind, ErrorKind::not_found) << "nor after a restart";
}

TEST_F(ConfirmationsTest, AnUnknownAccountIsTheMachinesFault) {
  EXPECT_EQ(confirmations.expect("app", {.account = "no-such-account"}).error().kind, ErrorKind::denied);
}

TEST_F(ConfirmationsTest, WhatIsKeptIsReadableByUsAlone) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  for (const char* name : {"app.env", "app.awaited"})
    EXPECT_EQ(std::filesystem::status(folder / name).permissions(), std::filesystem::perms(0600)) << name;
  EXPECT_EQ(folder.read("app.awaited").find(token()), std::string::npos) << "its digest is enough";
}

TEST_F(ConfirmationsTest, ARestartLosesNeitherTokenNorConfirmation) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  const auto given = token();
  const auto anew = restarted.resume("app", {});
  ASSERT_TRUE(anew);
  EXPECT_FALSE(*anew);
  EXPECT_EQ(token(), given);
  EXPECT_FALSE(restarted.is_confirmed("app"));
  EXPECT_FALSE(restarted.confirm("app", "0123", we));
  EXPECT_TRUE(restarted.confirm("app", given, we));
  auto again = make();
  ASSERT_TRUE(again.resume("app", {}));
  EXPECT_TRUE(again.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, AConfirmationMayComeBeforeRecoveryHasBegun) {
  ASSERT_TRUE(confirmations.expect("app", {}));
  EXPECT_TRUE(restarted.confirm("app", token(), we));
  EXPECT_FALSE(*restarted.resume("app", {}));
  EXPECT_TRUE(restarted.is_confirmed("app"));
}

TEST_F(ConfirmationsTest, WhatIsGoneDamagedOrOfAnotherBeginsAnew) {
  EXPECT_TRUE(*restarted.resume("app", {})) << "as after a reboot";
  const auto first = token();
  folder.write("app.awaited", "{}");
  auto second = make();
  EXPECT_TRUE(*second.resume("app", {}));
  EXPECT_NE(token(), first);
  auto third = make();
  EXPECT_TRUE(*third.resume("app", {.account = {}, .programs = "/srv/app/versions/2.0.0"}));
}

TEST_F(ConfirmationsTest, WhereItIsAskedForOnlyAProgramOfTheReleaseConfirms) {
  ASSERT_TRUE(confirmations.expect("app", {.account = {}, .programs = "/srv/app/versions/2.0.0"}));
  for (const char* wrong : {"/usr/bin/upswarm", "/srv/app/versions/1.0.0/bin/app", "/srv/app/versions/2.0.0-rc.1/app",
                            "/srv/app/versions/2.0.0"}) {
    program = wrong;
    EXPECT_EQ(confirmations.confirm("app", token(), we).error().kind, ErrorKind::denied) << wrong;
    EXPECT_FALSE(confirmations.is_confirmed("app"));
  }
  program = "/srv/app/versions/2.0.0/bin/app";
  EXPECT_TRUE(confirmations.confirm("app", token(), we));
}

}  // namespace
}  // namespace upswarm::installer
