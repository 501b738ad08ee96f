#include "agent/manners/link.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/base/log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class LinkWatchTest : public testing::Test {
 protected:
  LinkWatch watch(std::optional<Link> set = std::nullopt) {
    return {set, [this]() -> Result<LinkWord> {
              ++asked_;
              return system_;
            }};
  }

  Result<LinkWord> system_ = LinkWord{Link::metered, "NetworkManager says so"};
  int asked_ = 0;
};

TEST_F(LinkWatchTest, TheSystemIsAskedWhereNobodySetAnything) {
  auto link = watch();
  EXPECT_EQ(link.look().link, Link::metered);
  EXPECT_EQ(link.look().by, "NetworkManager says so");
  system_ = LinkWord{Link::normal, "NetworkManager guesses so"};
  EXPECT_EQ(link.look().link, Link::normal);
}

TEST_F(LinkWatchTest, TheAdministratorsWordIsTheLast) {
  auto normal = watch(Link::normal);
  EXPECT_EQ(normal.look().link, Link::normal);
  EXPECT_EQ(normal.look().by, "set by the administrator");
  system_ = LinkWord{Link::normal, "NetworkManager says so"};
  EXPECT_EQ(watch(Link::metered).look().link, Link::metered);
  EXPECT_EQ(asked_, 0);
}

TEST_F(LinkWatchTest, WithoutAnAnswerNothingIsKnownAndItIsLoggedOnce) {
  const tests::TemporaryFolder folder;
  ASSERT_TRUE(log::set_up({.level = log::Level::debug, .json = false, .file = (folder / "log").string()}));
  auto link = watch();
  const auto fail = [&] {
    system_ = Error{ErrorKind::unreachable, "ask", "no such bus"};
    for (int i = 0; i < 3; ++i) {
      const auto word = link.look();
      EXPECT_EQ(word.link, Link::normal);
      EXPECT_EQ(word.by, "");
    }
  };
  const auto lines = [&] {
    const auto text = folder.read("log");
    EXPECT_EQ(text.find("[info]"), std::string::npos) << text;
    return std::ranges::count(text, '\n');
  };
  fail();
  EXPECT_EQ(lines(), 1);
  EXPECT_NE(folder.read("log").find("no such bus"), std::string::npos);
  system_ = LinkWord{};
  EXPECT_EQ(link.look().by, "");
  fail();
  EXPECT_EQ(lines(), 2);
  ASSERT_TRUE(log::set_up({}));
}

TEST(LinkTest, HasNames) {
  EXPECT_EQ(name_of(Link::normal), "normal");
  EXPECT_EQ(name_of(Link::metered), "metered");
}

}  // namespace
}  // namespace upswarm::agent
