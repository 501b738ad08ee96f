#include "seeder/publish/change_file.hpp"

#include <gtest/gtest.h>

namespace upswarm::tests {
namespace {

using publish::ChangeFile;
using publish::parse_change;

ChangeFile sample() {
  ChangeFile change{.name = "add-tool"};
  change.base["root"] = "{}";
  change.base_targets["index/a/b/0.c.json"] = "old";
  change.add("targets").content = Json{{"version", 2}};
  change.add("targets").signatures = {{"key", "00"}};
  change.targets["index/a/b/1.c.json"] = "new";
  change.rollouts.push_back({"app", "stable", "linux-x64", {{1, 2}, sha256("x"), 5, false, "why"}});
  return change;
}

Json as_json() { return Json::parse(write_change(sample(), "words")); }

Result<ChangeFile> parse(const Json& json) { return parse_change(json.dump(), "the change"); }

TEST(ChangeFileTest, WhatWasWrittenIsRead) {
  const auto text = write_change(sample(), "words");
  const auto change = parse_change(text, "the change");
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(write_change(*change, "words"), text);
  ASSERT_NE(change->find("targets"), nullptr);
  EXPECT_EQ(change->find("targets")->signatures.size(), 1U);
  EXPECT_EQ(change->find("root"), nullptr);
  EXPECT_EQ(change->rollouts.at(0).item.permille, 5);
}

TEST(ChangeFileTest, EveryMistakeIsRefused) {
  const auto refuses = [](const char* pointer, const Json& value) {
    auto json = as_json();
    json[Json::json_pointer(pointer)] = value;
    const auto change = parse(json);
    EXPECT_FALSE(change) << pointer << " " << value.dump();
    if (change) return;
    EXPECT_EQ(change.error().kind, ErrorKind::corrupt) << change.error().message();
  };
  ASSERT_TRUE(parse(as_json()));
  refuses("/format", 2);
  refuses("/type", "upswarm-bundle");
  refuses("/name", "../add");
  refuses("/name", ".add");
  refuses("/name", "");
  refuses("/unknown", 1);
  refuses("/base", Json::array());
  refuses("/base/root", 1);
  refuses("/documents/0/role", std::string(81, 'r'));
  refuses("/documents/0/signed", "text");
  refuses("/documents/0/more", 1);
  refuses("/documents/0/signatures/0/more", 1);
  refuses("/documents/0/signatures/1", {{"keyid", "key"}, {"sig", "11"}});  // the same key twice
  refuses("/documents/1", as_json().at("documents").at(0));                 // the same role twice
  refuses("/targets/x", Json::object());
  refuses("/rollouts", "all");
  for (const auto* key :
       {"format", "type", "name", "words", "base", "base_targets", "documents", "targets", "rollouts"}) {
    auto json = as_json();
    json.erase(key);
    EXPECT_FALSE(parse(json)) << key;
  }
}

TEST(ChangeFileTest, EachLengthHasABound) {
  auto json = as_json();
  for (std::size_t i = 0; i <= publish::kMostSmallTargets; ++i) json["targets"]["t" + std::to_string(i)] = "";
  EXPECT_FALSE(parse(json));
  EXPECT_EQ(parse_change(std::string(publish::kLongestChange.count + 1, ' '), "long").error().reason, "too_long");
}

TEST(ChangeFileTest, EveryCutIsRefused) {
  const auto text = write_change(sample(), "words");
  for (std::size_t length = 0; length + 2 < text.size(); ++length)
    EXPECT_FALSE(parse_change(text.substr(0, length), "cut")) << length;
}

}  // namespace
}  // namespace upswarm::tests
