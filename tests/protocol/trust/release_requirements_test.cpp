// What an entry requires of the programs that read it.
#include <gtest/gtest.h>

#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::trust {
namespace {

Entry plain_entry() {
  Entry entry;
  entry.counter = {2, 7};
  entry.version = "1.2.3";
  entry.content = sha256("content");
  entry.full = {.path = "pkg/app/linux-x64/1.2.3/app.upk",
                .length = 5_MiB,
                .sha256 = sha256("app.upk"),
                .info_hash = std::string(40, 'a'),
                .piece_length = 64_KiB};
  entry.index_length = 4_KiB;
  entry.index_digest = sha256("index");
  entry.salt = "00ff";
  return entry;
}

Index plain_index() {
  Index index{.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 0}, .entries = {}};
  for (int n = 1; n <= 3; ++n) {
    auto entry = plain_entry();
    entry.counter = {1, n};
    entry.version = "1.0." + std::to_string(n);
    index.entries.push_back(entry);
  }
  return index;
}

std::string entry_error(const Json& json) {
  const auto parsed = parse_entry(json, "entry");
  return parsed ? "" : parsed.error().message();
}

/// An entry as a later program may write it.
Json later_entry() {
  auto json = to_json(plain_entry());
  json["layout"] = "cloud";
  json["health"] = {{"kind", "oracle"}, {"ask", Json::array({"who", 7})}};
  json["full"] = "elsewhere";
  json["more"] = {{"deep", Json::array({1, 2})}};
  json["requires"] = {"cloud-layout", "oracle-health"};
  return json;
}

TEST(Requirements, AnEntryThatRequiresTheUnknownIsKeptAsItIs) {
  const auto json = later_entry();
  const auto entry = parse_entry(json, "entry");
  ASSERT_TRUE(entry) << entry.error().message();
  EXPECT_EQ(entry->counter, plain_entry().counter);
  EXPECT_EQ(entry->version, plain_entry().version);
  EXPECT_EQ(entry->content, plain_entry().content);
  EXPECT_EQ(entry->not_known, (std::vector<std::string>{"cloud-layout", "oracle-health"}));
  EXPECT_EQ(unknown_requirements(*entry), "cloud-layout, oracle-health");
  EXPECT_EQ(to_json(*entry), json);
  EXPECT_EQ(entry->digest(), sha256(to_canonical(json)));
  EXPECT_FALSE(unknown_requirements(plain_entry()));
}

TEST(Requirements, TheOtherEntriesOfItsIndexStayOfUse) {
  auto json = to_json(plain_index());
  auto later = later_entry();
  later["counter"] = {{"epoch", 1}, {"n", 4}};
  later["version"] = "2.0.0";
  json["entries"].push_back(later);
  const auto index = parse_index(json.dump(), "index");
  ASSERT_TRUE(index) << index.error().message();
  EXPECT_EQ(index->entries.size(), 4U);
  EXPECT_TRUE(index->entries.at(2).not_known.empty());
  EXPECT_EQ(to_json(*index), json);
  for (const char* key : {"counter", "version", "content"}) {
    auto wrong = json;
    wrong["entries"][3].erase(key);
    EXPECT_FALSE(parse_index(wrong.dump(), "index")) << key;
  }
  json["entries"][3]["version"] = "1.0.1";
  EXPECT_FALSE(parse_index(json.dump(), "index")) << "twice the same version";
}

/// With all that older programs do not know.
Entry new_entry(HealthCheck::Kind kind) {
  auto entry = plain_entry();
  entry.services = {"web"};
  entry.health.kind = kind;
  entry.health.account = "www-data";
  entry.health.stable = std::chrono::seconds(10);
  if (kind == HealthCheck::Kind::http) {
    entry.health.port = 8080;
    entry.health.path = "/ready?deep=1";
    entry.health.status = 204;
  } else {
    entry.health.executable = true;
  }
  entry.requirements = requirements_of(entry);
  return entry;
}

TEST(Requirements, NewHealthChecksComeBackAndAreRequired) {
  const auto http = new_entry(HealthCheck::Kind::http);
  EXPECT_EQ(http.requirements, (std::vector<std::string>{"health-http", "health-stable"}));
  const auto back = parse_entry(to_json(http), "entry");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), to_json(http));
  EXPECT_EQ(back->health.port, 8080);
  EXPECT_EQ(back->health.path, "/ready?deep=1");
  EXPECT_EQ(back->health.status, 204);
  EXPECT_EQ(back->health.account, "www-data");
  EXPECT_EQ(back->health.stable, std::chrono::seconds(10));
  const auto confirm = new_entry(HealthCheck::Kind::confirm);
  EXPECT_EQ(confirm.requirements, (std::vector<std::string>{"confirm-executable", "health-stable"}));
  EXPECT_TRUE(parse_entry(to_json(confirm), "entry")->health.executable);
  EXPECT_TRUE(requirements_of(plain_entry()).empty());
}

Entry in_layout(const char* layout) {
  auto entry = plain_entry();
  entry.layout = layout;
  entry.requirements = requirements_of(entry);
  return entry;
}

Entry foreign_entry() {
  auto entry = in_layout(kForeignLayout);
  entry.foreign = Foreign{.install = {.argv = {"/usr/bin/dpkg", "-i", "{release}/app.deb"}},
                          .exit_codes = {{3010, ExitMeaning::reboot}, {1618, ExitMeaning::retry}},
                          .detection = {.command = {.argv = {"/usr/bin/app", "--version"}}, .output = "1.2.3"}};
  return entry;
}

TEST(Requirements, LayoutsComeBackAndAreRequired) {
  const auto in_place = in_layout(kInPlaceLayout);
  EXPECT_EQ(in_place.requirements, std::vector<std::string>{"layout-in-place"});
  EXPECT_EQ(parse_entry(to_json(in_place), "entry")->layout, kInPlaceLayout);
  auto foreign = foreign_entry();
  EXPECT_EQ(foreign.requirements, std::vector<std::string>{"layout-foreign"});
  auto back = parse_entry(to_json(foreign), "entry");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), to_json(foreign));
  EXPECT_EQ(back->foreign->exit_codes.at(1618), ExitMeaning::retry);
  EXPECT_EQ(back->foreign->detection.output, "1.2.3");
  foreign.foreign->detection = {.kind = Detection::Kind::file, .path = "C:\\app.exe", .sha256 = sha256("app")};
  back = parse_entry(to_json(foreign), "entry");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), to_json(foreign));
  for (auto json : {to_json(in_place), to_json(foreign)}) {
    json.erase("requires");
    EXPECT_NE(entry_error(json).find("does not say so"), std::string::npos);
  }
}

TEST(Requirements, ForeignInstallersAreStrictlyRead) {
  const std::vector<std::pair<const char*, Json>> all{
      {"/install/argv", Json::array()},   {"/detection/kind", "registry"},
      {"/detection/command", nullptr},    {"/detection/output", std::string(257, 'a')},
      {"/detection/path", "/etc/passwd"}, {"/exit_codes/0/code", -1},
      {"/exit_codes/0/means", "fine"},    {"/exit_codes/1/code", 1618},
      {"/remove", Json::object()}};
  for (const auto& [key, value] : all) {
    auto json = to_json(foreign_entry());
    json["foreign"][Json::json_pointer(key)] = value;
    EXPECT_NE(entry_error(json), "") << key;
  }
  auto json = to_json(foreign_entry());
  json["layout"] = "versioned";
  EXPECT_NE(entry_error(json).find("alone"), std::string::npos);
  json = to_json(foreign_entry());
  json["foreign"]["detection"] = {{"kind", "file"}, {"path", "app"}, {"sha256", sha256("app").hex()}};
  EXPECT_NE(entry_error(json).find("absolute"), std::string::npos);
}

TEST(Requirements, WhatIsUsedMustBeRequired) {
  for (const auto kind : {HealthCheck::Kind::http, HealthCheck::Kind::confirm}) {
    auto json = to_json(new_entry(kind));
    json["requires"].erase(0);
    EXPECT_NE(entry_error(json).find("does not say so"), std::string::npos);
    json.erase("requires");
    EXPECT_NE(entry_error(json).find("does not say so"), std::string::npos);
  }
}

TEST(Requirements, HealthByHttpIsStrictlyRead) {
  const std::vector<std::pair<const char*, Json>> all{
      {"port", 0},           {"port", 65536},        {"port", "80"},      {"path", "ready"},
      {"path", "/a b"},      {"path", "/a\r\nX: y"}, {"path", "/\u00e4"}, {"path", "/" + std::string(1024, 'a')},
      {"status", 99},        {"status", 600},        {"account", ""},     {"stable", "0s"},
      {"executable", false}, {"host", "db"}};
  for (const auto& [key, value] : all) {
    auto json = to_json(new_entry(HealthCheck::Kind::http));
    json["health"][key] = value;
    EXPECT_NE(entry_error(json), "") << key << " = " << value;
  }
  for (const char* key : {"port", "account"}) {
    auto json = to_json(new_entry(HealthCheck::Kind::http));
    json["health"].erase(key);
    EXPECT_NE(entry_error(json), "") << key;
  }
  auto json = to_json(new_entry(HealthCheck::Kind::http));
  json["services"] = Json::array();
  EXPECT_NE(entry_error(json), "") << "stable without services";
}

TEST(Requirements, WithoutSayingSoTheUnknownIsRefused) {
  auto json = later_entry();
  json.erase("requires");
  EXPECT_NE(entry_error(json), "");
}

TEST(Requirements, AreStrictlyRead) {
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= kMostRequirements; ++i) many.push_back("a" + std::to_string(10 + i));
  const std::vector<Json> all{Json::array(),          "name", {"b", "a"}, {"a", "a"}, {""}, {"A"}, {"a/b"},
                              {std::string(65, 'a')}, {1},    many};
  for (const auto& value : all) {
    auto json = to_json(plain_entry());
    json["requires"] = value;
    EXPECT_NE(entry_error(json).find("requires"), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace upswarm::trust
