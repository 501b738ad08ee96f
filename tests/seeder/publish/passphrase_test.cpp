#include "seeder/publish/passphrase.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::publish {
namespace {

class PassphraseTest : public testing::Test {
 protected:
  void SetUp() override { ::unsetenv("UPSWARM_PASSPHRASE"); }
  void TearDown() override { ::unsetenv("UPSWARM_PASSPHRASE"); }
  const tests::TemporaryFolder top;
};

TEST_F(PassphraseTest, TakesTheFirstLineOfAFileWithoutTheSpaceAroundIt) {
  top.write("secret", "  correct horse \r\nsecond line\n");
  EXPECT_EQ(*obtain_passphrase(system_files(), top / "secret", true), "correct horse");
}

TEST_F(PassphraseTest, TheFileWinsOverTheEnvironment) {
  top.write("secret", "from the file\n");
  ::setenv("UPSWARM_PASSPHRASE", "from the environment", 1);
  EXPECT_EQ(*obtain_passphrase(system_files(), top / "secret", false), "from the file");
  EXPECT_EQ(*obtain_passphrase(system_files(), {}, false), "from the environment");
}

TEST_F(PassphraseTest, AnEmptyOneIsInvalid) {
  top.write("secret", "\nsecond line\n");
  EXPECT_EQ(obtain_passphrase(system_files(), top / "secret", false).error().kind, ErrorKind::invalid);
  ::setenv("UPSWARM_PASSPHRASE", "", 1);
  EXPECT_EQ(obtain_passphrase(system_files(), {}, false).error().kind, ErrorKind::invalid);
}

TEST_F(PassphraseTest, AMissingFileIsNamed) {
  const auto result = obtain_passphrase(system_files(), top / "nowhere", false);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::not_found);
  EXPECT_NE(result.error().message().find("nowhere"), std::string::npos);
}

TEST_F(PassphraseTest, ANewOneMustNotBeShort) {
  ::setenv("UPSWARM_PASSPHRASE", "1234567", 1);
  EXPECT_TRUE(obtain_passphrase(system_files(), {}, false));
  EXPECT_EQ(obtain_passphrase(system_files(), {}, true).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace upswarm::publish
