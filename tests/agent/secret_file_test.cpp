#include "agent/secret_file.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class SecretFileTest : public testing::Test {
 protected:
  Error refusal_of(const std::string& name) {
    const auto text = read_secret(system_files(), folder / name);
    EXPECT_FALSE(text);
    return text ? Error{} : text.error();
  }
  tests::TemporaryFolder folder;
};

TEST_F(SecretFileTest, IsReadWithoutTheWhiteSpaceAround) {
  folder.write("login", " upswarm:word \n\n");
  ASSERT_TRUE(system_files().set_mode(folder / "login", 0640));
  const auto text = read_secret(system_files(), folder / "login");
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_EQ(*text, "upswarm:word");
}

TEST_F(SecretFileTest, WhatIsNoneIsRefused) {
  EXPECT_EQ(refusal_of("missing").kind, ErrorKind::not_found);
  ASSERT_TRUE(system_files().make_folder(folder / "folder", 0750));
  EXPECT_EQ(refusal_of("folder").reason, "secret_file");
  folder.write("long", std::string(kLongestSecretFile.count + 1, 'x'));
  ASSERT_TRUE(system_files().set_mode(folder / "long", 0640));
  EXPECT_EQ(refusal_of("long").reason, "too_long");
}

TEST_F(SecretFileTest, WhatEveryUserMayReadIsRefused) {
  folder.write("login", "upswarm:word");
  ASSERT_TRUE(system_files().set_mode(folder / "login", 0644));
  const auto info = system_files().info(folder / "login");
  ASSERT_TRUE(info);
  if (mode_bits(*info, 0004) == 0) GTEST_SKIP() << "no modes on this system";
  EXPECT_EQ(refusal_of("login").reason, "secret_mode");
}

TEST(ProxyLoginTest, IsAUserAndAPasswordThatMayHoldColons) {
  const auto login = parse_proxy_login("upswarm:a:b c");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->user, "upswarm");
  EXPECT_EQ(login->password, "a:b c");
}

TEST(ProxyLoginTest, AnythingElseIsRefusedAndNotRepeated) {
  for (const char* text : {"", "word", ":word", "user:wo\nrd", "us\ter:word"}) {
    const auto login = parse_proxy_login(text);
    ASSERT_FALSE(login) << text;
    EXPECT_EQ(login.error().message().find(":word"), std::string::npos) << login.error().message();
  }
}

}  // namespace
}  // namespace upswarm::agent
