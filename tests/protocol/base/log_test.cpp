#include "protocol/base/log.hpp"

#include <gtest/gtest.h>

#include "protocol/base/json.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::log {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(set_up({})); }

  /// What `write_events` puts into a log file.
  std::string logged(Settings settings, auto write_events) {
    const auto name = std::to_string(++files_);
    settings.file = (folder / name).string();
    EXPECT_TRUE(set_up(settings));
    write_events();
    EXPECT_TRUE(set_up({}));
    return folder.read(name);
  }

  static std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

  tests::TemporaryFolder folder;

 private:
  int files_ = 0;
};

TEST_F(LogTest, TextIsOneLineAnEvent) {
  const auto text = logged({}, [] {
    info("downloaded", {{"package", "a.upk"}, {"bytes", 17}, {"from", "two words"}, {"empty", ""}});
  });
  EXPECT_EQ(lines(text), 1U);
  EXPECT_NE(text.find("Z info downloaded package=a.upk bytes=17 from=\"two words\" empty=\"\"\n"), std::string::npos)
      << text;
}

TEST_F(LogTest, AStrangersWordsForgeNoLine) {
  for (const bool json : {false, true}) {
    const auto text = logged({.json = json}, [] {
      warning("refused", {{"name", "x\n2026-01-01T00:00:00.000Z error all is lost\r\x1b[2J\x7f\t"}});
    });
    EXPECT_EQ(lines(text), 1U) << text;
    EXPECT_NE(text.find(json ? "x\\n2026" : "x\\u000a2026"), std::string::npos) << text;
    for (const char c : {'\r', '\x1b', '\x7f', '\t'}) EXPECT_EQ(text.find(c), std::string::npos) << text;
  }
}

TEST_F(LogTest, AStrangersWordsForgeNoField) {
  const auto text = logged({}, [] { warning("refused", {{"name", "x level=error"}, {"quoted", "a\" b=\"c\\"}}); });
  EXPECT_NE(text.find("name=\"x level=error\" quoted=\"a\\\" b=\\\"c\\\\\"\n"), std::string::npos) << text;
}

TEST_F(LogTest, JsonLinesAreJson) {
  const auto text = logged({.json = true}, [] { error("broke", {{"what", "a \"quoted\" \\ {} \x01"}, {"code", -3}}); });
  const auto json = parse_json(text, "the line");
  ASSERT_TRUE(json) << text;
  EXPECT_EQ((*json)["level"], "error");
  EXPECT_EQ((*json)["event"], "broke");
  EXPECT_EQ((*json)["what"], "a \"quoted\" \\ {} \x01");
  EXPECT_EQ((*json)["code"], "-3");
  EXPECT_EQ((*json)["time"].get<std::string>().size(), 24U);
}

TEST_F(LogTest, JsonLinesAreUtf8WhateverAStrangerSends) {
  const auto text = logged({.json = true}, [] { error("broke", {{"what", "a\xff\xc3(b\n"}}); });
  const auto json = parse_json(text, "the line");
  ASSERT_TRUE(json) << text;
  EXPECT_EQ((*json)["what"], "a\xef\xbf\xbd\xef\xbf\xbd(b\n");
}

TEST_F(LogTest, LevelsBelowTheWantedAreLeftOut) {
  const auto text = logged({.level = Level::warning}, [] {
    debug("one");
    info("two");
    warning("three");
    error("four");
  });
  EXPECT_EQ(lines(text), 2U);
  EXPECT_NE(text.find("warning three"), std::string::npos);
  EXPECT_NE(text.find("error four"), std::string::npos);
}

TEST_F(LogTest, BracesMeanNothing) {
  const auto text = logged({}, [] { info("{} {0} %s", {{"x", "{}%d"}}); });
  EXPECT_NE(text.find("info {} {0} %s x={}%d\n"), std::string::npos) << text;
}

TEST_F(LogTest, KnowsItsLevels) {
  EXPECT_EQ(*parse_level("debug"), Level::debug);
  EXPECT_EQ(*parse_level("error"), Level::error);
  for (const char* text : {"", "Info", "warn", "verbose"})
    EXPECT_EQ(parse_level(text).error().kind, ErrorKind::invalid) << text;
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnError) {
  folder.write("file", "");
  const auto result = set_up({.file = (folder / "file/log").string()});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::disk);
}

}  // namespace
}  // namespace upswarm::log
