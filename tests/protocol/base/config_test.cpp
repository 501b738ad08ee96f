#include "protocol/base/config.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

constexpr const char* kGood = R"(
name = "app"
count = 3

[log]
level = "info"

[[product]]
root = "a"

[[product]]
root = "b"   # the second
list = [1, 2]
)";

std::string refusal(std::string_view text) {
  const auto config = parse_config(text, "x.toml");
  return config ? "taken" : config.error().message();
}

TEST(Config, BecomesJson) {
  const auto config = parse_config(kGood, "x.toml");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->values, (Json{{"name", "app"},
                                  {"count", 3},
                                  {"log", {{"level", "info"}}},
                                  {"product", {{{"root", "a"}}, {{"root", "b"}, {"list", {1, 2}}}}}}));
}

TEST(Config, EmptyIsAnEmptyObject) {
  for (const char* text : {"", "\n\n", "# nothing\n"}) {
    const auto config = parse_config(text, "x.toml");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->values, Json::object());
  }
}

TEST(Config, MistakesNameFileLineAndKey) {
  const auto config = parse_config(kGood, "x.toml");
  ASSERT_TRUE(config);
  auto in = config->reader();
  in.text("count");
  const auto wrong_type = in.finish();
  ASSERT_FALSE(wrong_type);
  EXPECT_EQ(wrong_type.error().kind, ErrorKind::invalid);
  EXPECT_EQ(wrong_type.error().message(), "x.toml:3: count: text is wanted here");

  auto top = config->reader();
  auto second = top.inside(top.array("product", 9).at(1), "product", 1);
  second.array("list", 1);
  EXPECT_EQ(second.finish().error().message(), "x.toml:13: product[1].list: more than 1 items");
}

TEST(Config, AnUnknownKeyIsAMistakeWithItsLine) {
  const auto config = parse_config("known = 1\nunknwon = 2\n", "x.toml");
  ASSERT_TRUE(config);
  auto in = config->reader();
  in.integer("known", 0, 9);
  EXPECT_EQ(in.finish().error().message(), "x.toml:2: unknwon: this key is not known");
}

TEST(Config, AMissingKeyIsNamed) {
  const auto config = parse_config("[log]\n", "x.toml");
  ASSERT_TRUE(config);
  auto in = config->reader();
  auto log = in.inside(in.object("log"), "log");
  log.text("level");
  EXPECT_EQ(log.finish().error().message(), "x.toml:1: log.level: this key is missing");
}

TEST(Config, BrokenTomlNamesItsLine) {
  EXPECT_TRUE(refusal("a = 1\nb = \n").starts_with("x.toml:2: "));
  EXPECT_TRUE(refusal("a = 1\n\n\nb == 2\n").starts_with("x.toml:4: "));
  EXPECT_TRUE(refusal("a = \"open\n").starts_with("x.toml:1: "));
  EXPECT_TRUE(refusal("a = 1\na = 2\n").starts_with("x.toml:2: "));
  EXPECT_TRUE(refusal("a = 1\n[= x]\n").starts_with("x.toml:2: "));
  EXPECT_TRUE(refusal("a = 1\n\xef\xbb\xbb\n").starts_with("x.toml:2: "));
  EXPECT_TRUE(refusal("a = \"\xff\"\n").starts_with("x.toml:1: "));
}

TEST(Config, RefusesKindsThatHaveNoUse) {
  EXPECT_TRUE(refusal("ok = 1\nx = 1.5\n").starts_with("x.toml:2: x: only text"));
  EXPECT_TRUE(refusal("x = 2026-11-21\n").starts_with("x.toml:1: x: only text"));
  EXPECT_TRUE(refusal("a = [1,\n 2.5]\n").starts_with("x.toml:2: a[1]: only text"));
}

TEST(Config, HasADeepestNestingAndALongestFile) {
  std::string deep = "x = ";
  for (int i = 0; i < 40; ++i) deep += '[';
  for (int i = 0; i < 40; ++i) deep += ']';
  EXPECT_NE(refusal(deep).find("nested too deeply"), std::string::npos);
  EXPECT_NE(refusal(std::string(kLongestConfig.count + 1, '\n')).find("longer than"), std::string::npos);
}

TEST(Config, IsReadFromAFile) {
  const tests::TemporaryFolder folder;
  folder.write("a.toml", "x = 1\n");
  const auto config = read_config(folder / "a.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->lines.document, (folder / "a.toml").string());
  folder.write("empty.toml", "");
  EXPECT_TRUE(read_config(folder / "empty.toml"));
}

TEST(Config, AMissingFileOrAFolderIsAnError) {
  const tests::TemporaryFolder folder;
  EXPECT_EQ(read_config(folder / "none.toml").error().kind, ErrorKind::not_found);
  EXPECT_FALSE(read_config(folder.path())) << "a folder is not an empty configuration";
}

TEST(Config, AFileTooLongIsNotReadToItsEnd) {
  const tests::TemporaryFolder folder;
  folder.write("long.toml", std::string(kLongestConfig.count + 1, '\n'));
  EXPECT_EQ(read_config(folder / "long.toml").error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace upswarm
