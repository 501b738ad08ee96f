#include "protocol/trust/release_index.hpp"

#include <gtest/gtest.h>

#include "protocol/base/config.hpp"
#include "protocol/trust/canonical_json.hpp"

namespace upswarm::trust {
namespace {

using namespace std::chrono_literals;

PackageFile file(const std::string& name) {
  return {.path = "pkg/app/linux-x64/1.2.3/" + name,
          .length = 5_MiB,
          .sha256 = sha256(name),
          .info_hash = std::string(40, 'a'),
          .piece_length = 64_KiB};
}

/// With every field set to something that is not its default.
Entry full_entry() {
  Entry entry;
  entry.counter = {2, 7};
  entry.version = "1.2.3-rc.1+b5";
  entry.content = sha256("content");
  entry.full = file("app.upk");
  entry.index_length = 4_KiB;
  entry.index_digest = sha256("index");
  entry.deltas = {{"1.2.2", sha256("base"), file("a.upd")}, {"1.2.1", sha256("older"), file("b.upd")}};
  entry.hooks.before = Command{{"bin/before", "--all"}, 90s, "www"};
  entry.hooks.after = Command{{"bin/after"}, 1500ms, ""};
  entry.hooks.rollback = Command{{"/bin/true"}, 1ms, ""};
  entry.health = {HealthCheck::Kind::command, {{"bin/check"}, 5s, "nobody"}, 120s, 250ms, ""};
  entry.services = {"app.service", "app-worker@1.service"};
  entry.urgent = true;
  entry.changelog = "Better \"quotes\"\nand lines";
  entry.minimum_version = "1.0.0";
  entry.salt = "00ff";
  entry.not_before = Time(std::chrono::seconds(1'800'000'000));
  entry.max_hold_days = 3;
  entry.max_defer_days = 0;
  return entry;
}

Index full_index() {
  Index index{.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 3}, .entries = {}};
  for (int n = 1; n <= 3; ++n) {
    auto entry = full_entry();
    entry.counter = {1, n};
    entry.version = "1.0." + std::to_string(n);
    index.entries.push_back(entry);
  }
  return index;
}

std::string entry_error(const Json& json) {
  const auto parsed = parse_entry(json, "entry");
  if (parsed) return "";
  EXPECT_EQ(parsed.error().kind, ErrorKind::corrupt);
  return parsed.error().message();
}

TEST(Entries, EverythingComesBack) {
  const auto json = to_json(full_entry());
  const auto back = parse_entry(json, "entry");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->hooks.after->timeout, 1500ms);
  EXPECT_EQ(back->hooks.before->argv, (std::vector<std::string>{"bin/before", "--all"}));
  EXPECT_EQ(back->health.every, 250ms);
  EXPECT_EQ(back->not_before, full_entry().not_before);
  EXPECT_EQ(back->deltas.at(1).from_content, sha256("older"));
  EXPECT_EQ(back->digest(), full_entry().digest());
}

TEST(Entries, ConfirmationsComeBack) {
  auto entry = full_entry();
  entry.health = {HealthCheck::Kind::confirm, {}, 30s, 2s, "app"};
  const auto back = parse_entry(to_json(entry), "entry");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->health.kind, HealthCheck::Kind::confirm);
  EXPECT_EQ(back->health.account, "app");
  EXPECT_EQ(back->health.within, 30s);
}

TEST(Entries, WhatAPublisherMayLeaveOutHasItsDefault) {
  auto json = to_json(full_entry());
  for (const char* key : {"deltas", "layout", "hooks", "health", "services", "urgent", "changelog", "minimum_version",
                          "not_before", "max_hold_days", "max_defer_days"}) {
    json.erase(key);
  }
  const auto entry = parse_entry(json, "entry");
  ASSERT_TRUE(entry) << entry.error().message();
  EXPECT_EQ(entry->layout, "versioned");
  EXPECT_EQ(entry->health.kind, HealthCheck::Kind::none);
  EXPECT_FALSE(entry->hooks.before || entry->hooks.after || entry->hooks.rollback);
  EXPECT_FALSE(entry->urgent || entry->not_before);
  EXPECT_TRUE(entry->deltas.empty() && entry->services.empty() && entry->changelog.empty() &&
              entry->minimum_version.empty());
  EXPECT_EQ(entry->max_hold_days, 14);
  EXPECT_EQ(entry->max_defer_days, 7);
}

TEST(Entries, EachOtherFieldIsNeeded) {
  for (const char* key : {"counter", "version", "content", "full", "index_length", "index_digest", "salt"}) {
    auto json = to_json(full_entry());
    json.erase(key);
    EXPECT_NE(entry_error(json).find(key), std::string::npos) << key;
  }
  for (const char* key : {"path", "length", "sha256", "info_hash", "piece_length"}) {
    auto json = to_json(full_entry());
    json["full"].erase(key);
    EXPECT_NE(entry_error(json).find(key), std::string::npos) << key;
  }
}

TEST(Entries, UnknownKeysAreRefusedEverywhere) {
  for (const char* place :
       {"", "/counter", "/full", "/deltas/0", "/hooks", "/hooks/before", "/health", "/health/command"}) {
    auto json = to_json(full_entry());
    json[Json::json_pointer(place)]["surprise"] = 1;
    EXPECT_NE(entry_error(json).find("surprise"), std::string::npos) << place;
  }
}

struct Wrong {
  const char* place;
  Json value;
};

TEST(Entries, WrongValuesAreRefused) {
  const std::vector<Wrong> all{{"/counter/n", 0},
                               {"/counter/n", -1},
                               {"/counter/n", "1"},
                               {"/counter/epoch", 0},
                               {"/version", "1.2"},
                               {"/version", "01.2.3"},
                               {"/version", ""},
                               {"/version", "../1.0.0"},
                               {"/content", "00"},
                               {"/content", std::string(64, 'A')},
                               {"/content", std::string(64, 'g')},
                               {"/full/length", 0},
                               {"/full/length", -1},
                               {"/full/info_hash", std::string(39, 'a')},
                               {"/full/info_hash", std::string(40, 'A')},
                               {"/full/piece_length", 8192},
                               {"/full/piece_length", 65535},
                               {"/full/piece_length", 33554432},
                               {"/full/piece_length", 0},
                               {"/index_length", 0},
                               {"/index_length", 6 << 20},
                               {"/index_digest", ""},
                               {"/salt", std::string(129, 'a')},
                               {"/layout", "in_place"},
                               {"/urgent", "yes"},
                               {"/changelog", std::string(kLongestChangelog + 1, 'a')},
                               {"/minimum_version", "1"},
                               {"/not_before", "tomorrow"},
                               {"/max_hold_days", -1},
                               {"/max_defer_days", 100'000},
                               {"/services", "app"},
                               {"/services", {""}},
                               {"/services", {"-H"}},
                               {"/services", {"a/b"}},
                               {"/services", {"a\nb"}},
                               {"/services", {"a", "a"}},
                               {"/services", std::vector<std::string>(65, "a")},
                               {"/deltas/0/from_version", "x"},
                               {"/deltas/0/from_content", "x"},
                               {"/deltas/1/from_content", sha256("base").hex()}};
  for (const auto& [place, value] : all) {
    auto json = to_json(full_entry());
    json[Json::json_pointer(place)] = value;
    EXPECT_NE(entry_error(json), "") << place << " = " << value;
  }
}

TEST(Entries, PackagesLieUnderPkgOrPre) {
  for (const char* path : {"pkg/app/linux-x64/1.0.0/a.upk", "pre/app/linux-x64/1.0.0+b5/a~1.upk"}) {
    auto json = to_json(full_entry());
    json["full"]["path"] = path;
    EXPECT_EQ(entry_error(json), "") << path;
  }
  for (const char* path :
       {"", "pkg", "pkg/", "pkg//a", "/pkg/a", "index/app", "pkg/../index/a", "pkg/./a", "pkg/.hidden", "pkg/a b",
        "pkg/a/", "pkg/a\\b", "pkg/%2e", "pkgs/a", "pkg/1/2/3/4/5/6/7/8"}) {
    auto json = to_json(full_entry());
    json["full"]["path"] = path;
    EXPECT_NE(entry_error(json), "") << path;
  }
}

TEST(Entries, CommandsHaveLimits) {
  const auto with = [](Json command) {
    auto json = to_json(full_entry());
    json["hooks"]["before"] = std::move(command);
    return entry_error(json);
  };
  EXPECT_EQ(with({{"argv", {"a"}}}), "");
  EXPECT_EQ(with({{"argv", std::vector<std::string>(64, "a")}, {"timeout", "24h"}}), "");
  EXPECT_NE(with({{"argv", Json::array()}}), "");
  EXPECT_NE(with({{"argv", {""}}}), "");
  EXPECT_NE(with({{"argv", {1}}}), "");
  EXPECT_NE(with({{"timeout", "1s"}}), "");
  EXPECT_NE(with({{"argv", std::vector<std::string>(65, "a")}}), "");
  EXPECT_NE(with({{"argv", {std::string(2049, 'a'), std::string(2048, 'a')}}}), "");
  EXPECT_NE(with({{"argv", {"a", std::string("b\0c", 3)}}}), "");
  EXPECT_NE(with({{"argv", {"a"}}, {"timeout", 60}}), "");
  EXPECT_NE(with({{"argv", {"a"}}, {"timeout", "25h"}}), "");
  EXPECT_NE(with({{"argv", {"a"}}, {"timeout", "0s"}}), "");
  EXPECT_NE(with({{"argv", {"a"}}, {"run_as", "a\tb"}}), "");
}

TEST(Entries, HealthChecksHaveWhatTheirKindNeeds) {
  const auto with = [](Json health) {
    auto json = to_json(full_entry());
    json["health"] = std::move(health);
    return entry_error(json);
  };
  EXPECT_EQ(with({{"kind", "none"}}), "");
  EXPECT_EQ(with({{"kind", "command"}, {"command", {{"argv", {"a"}}}}}), "");
  EXPECT_EQ(with({{"kind", "confirm"}, {"account", "app"}, {"within", "5m"}}), "");
  EXPECT_NE(with(Json::object()), "");
  EXPECT_NE(with({{"kind", "prayer"}}), "");
  EXPECT_NE(with({{"kind", "none"}, {"within", "5s"}}), "") << "it would mean nothing";
  EXPECT_NE(with({{"kind", "command"}}), "");
  EXPECT_NE(with({{"kind", "confirm"}}), "");
  EXPECT_NE(with({{"kind", "confirm"}, {"account", "app"}, {"command", {{"argv", {"a"}}}}}), "");
}

TEST(Entries, TheDigestCoversEveryField) {
  const auto whole = to_json(full_entry());
  const auto digest = full_entry().digest();
  EXPECT_EQ(digest, sha256(to_canonical(whole)));
  std::vector<Entry> changed(8, full_entry());
  changed[0].counter.n = 8;
  changed[1].urgent = false;
  changed[2].hooks.before->run_as = "root";
  changed[3].health.within = 121s;
  changed[4].services.pop_back();
  changed[5].max_defer_days = 1;
  changed[6].not_before.reset();
  changed[7].deltas.pop_back();
  for (const auto& entry : changed) EXPECT_NE(entry.digest(), digest);
}

TEST(Entries, ThisFormOfAnEntryMustNeverChange) {
  Entry entry;
  entry.counter = {1, 1};
  entry.version = "1.0.0";
  entry.full = {
      .path = "pkg/a/b/c/d", .length = 2_B, .sha256 = {}, .info_hash = std::string(40, '0'), .piece_length = 16_KiB};
  entry.index_length = 1_B;
  const std::string zeros(64, '0');
  EXPECT_EQ(
      to_canonical(to_json(entry)),
      R"({"changelog":"","content":")" + zeros + R"(","counter":{"epoch":1,"n":1},"deltas":[],"full":{"info_hash":")" +
          std::string(40, '0') + R"(","length":2,"path":"pkg/a/b/c/d","piece_length":16384,"sha256":")" + zeros +
          R"("},"health":{"kind":"none"},"hooks":{},"index_digest":")" + zeros +
          R"(","index_length":1,"layout":"versioned","max_defer_days":7,"max_hold_days":14,"minimum_version":"","salt":"",)"
          R"("services":[],"urgent":false,"version":"1.0.0"})")
      << "rollout filters bind to the digest of this: a new field must be left out while it has its default";
}

TEST(Entries, AChainAcrossMajorVersionsIsAllowedByTheEntryAloneAndLeftOutWhereItIsNot) {
  EXPECT_FALSE(to_json(full_entry()).contains("chain_across_majors"));
  auto allowed = full_entry();
  allowed.chain_across_majors = true;
  EXPECT_NE(allowed.digest(), full_entry().digest());
  const auto back = parse_entry(to_json(allowed), "entry");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(back->chain_across_majors);
  EXPECT_EQ(back->digest(), allowed.digest());
}

TEST(Recipes, AreReadFromToml) {
  const auto config = parse_config(R"(
services = ["app.service"]
urgent = true
not_before = "2027-01-15T08:00:00Z"
[health]
kind = "command"
within = "2s"
command = { argv = ["bin/check"], timeout = "5s" }
[hooks.before]
argv = ["bin/before"]
)",
                                   "recipe.toml");
  ASSERT_TRUE(config) << config.error().message();
  auto in = config->reader();
  Entry entry;
  const auto read = read_recipe(in, entry);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(in.finish());
  EXPECT_TRUE(entry.urgent);
  EXPECT_EQ(entry.health.command.timeout, 5s);
  EXPECT_EQ(entry.hooks.before->timeout, 60s);
  EXPECT_EQ(to_string(*entry.not_before), "2027-01-15T08:00:00Z");
}

TEST(Recipes, MistakesNameTheirPlace) {
  for (const std::string text :
       {"[health]\nkind = \"command\"\ncommand = { argv = [] }\n", "[hooks.before]\nargv = [\"a\"]\nrunas = \"x\"\n",
        "layout = \"on_tape\"\n", "layout = \"foreign\"\n"}) {
    const auto config = parse_config(text, "recipe.toml");
    ASSERT_TRUE(config);
    auto in = config->reader();
    Entry entry;
    const auto read = read_recipe(in, entry);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid);
    EXPECT_TRUE(read.error().message().starts_with("recipe.toml:")) << read.error().message();
  }
}

TEST(Indexes, ComeBackAsTheyWere) {
  const auto json = to_json(full_index());
  const auto back = parse_index(json.dump(), "index");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->entries.size(), 3U);
  EXPECT_EQ(back->floor, (ReleaseCounter{1, 3}));
}

TEST(Indexes, EachFieldIsNeededAndNoOtherIsKnown) {
  for (const char* key : {"_type", "format", "product", "channel", "platform", "floor", "entries"}) {
    auto json = to_json(full_index());
    json.erase(key);
    EXPECT_FALSE(parse_index(json.dump(), "index")) << key;
  }
  auto json = to_json(full_index());
  json["more"] = 1;
  EXPECT_FALSE(parse_index(json.dump(), "index"));
  json = to_json(full_index());
  json["_type"] = "upswarm-rollout";
  EXPECT_FALSE(parse_index(json.dump(), "index"));
}

TEST(Indexes, AFormatOfTheFutureIsRefusedByItsNumber) {
  const auto parsed = parse_index(R"({"_type":"upswarm-index","format":2,"what":"ever"})", "index");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message().find("format 2"), std::string::npos) << parsed.error().message();
  EXPECT_FALSE(parse_rollout(R"({"_type":"upswarm-rollout","format":17})", "rollout"));
}

TEST(Indexes, CountersRiseAndVersionsAreUnique) {
  auto index = full_index();
  index.entries[2].counter = index.entries[1].counter;
  EXPECT_FALSE(parse_index(to_json(index).dump(), "index"));
  index.entries[2].counter = {1, 1};
  EXPECT_FALSE(parse_index(to_json(index).dump(), "index"));
  index.entries[2].counter = {2, 1};
  EXPECT_TRUE(parse_index(to_json(index).dump(), "index")) << "a higher epoch begins anew";
  index.entries[2].version = index.entries[0].version;
  EXPECT_FALSE(parse_index(to_json(index).dump(), "index"));
}

/// Of 1.3 to 1.5, the last withdrawn in favour of the first.
Index withdrawn_index() {
  auto index = full_index();
  index.withdrawn = {
      {.counter = index.entries[2].counter, .go_back_to = index.entries[0].counter, .reason = "it eats files"}};
  return index;
}

TEST(Indexes, WithdrawalsAreLeftOutWhereThereAreNone) {
  EXPECT_FALSE(to_json(full_index()).contains("withdrawn")) << "the form of before there were any";
  auto index = withdrawn_index();
  index.withdrawn.insert(index.withdrawn.begin(), Withdrawal{.counter = index.entries[1].counter});
  const auto json = to_json(index);
  const auto back = parse_index(json.dump(), "index");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), json);
  EXPECT_EQ(back->withdrawal_of(index.entries[2].counter)->reason, "it eats files");
  EXPECT_FALSE(back->withdrawal_of(index.entries[1].counter)->go_back_to);
  EXPECT_EQ(back->withdrawal_of(index.entries[0].counter), nullptr);
}

TEST(Indexes, WrongWithdrawalsAreRefused) {
  const auto whole = to_json(withdrawn_index());
  const auto first = whole["entries"][0]["counter"];
  const auto second = whole["entries"][1]["counter"];
  const auto last = whole["entries"][2]["counter"];
  const Json unknown{{"epoch", 7}, {"n", 7}};
  const std::vector<Wrong> all{{"/withdrawn", Json::array()},
                               {"/withdrawn", Json::object()},
                               {"/withdrawn/0/counter", unknown},
                               {"/withdrawn/0/counter", 3},
                               {"/withdrawn/0/go_back_to", unknown},
                               {"/withdrawn/0/go_back_to", last},
                               {"/withdrawn/0/go_back_to", nullptr},
                               {"/withdrawn/0/reason", 1},
                               {"/withdrawn/0/reason", std::string(kLongestReason + 1, 'x')},
                               {"/withdrawn/0/more", 1},
                               {"/withdrawn/1", Json{{"counter", second}}},
                               {"/withdrawn/1", Json{{"counter", last}}}};
  for (const auto& [place, value] : all) {
    auto json = whole;
    json[Json::json_pointer(place)] = value;
    const auto parsed = parse_index(json.dump(), "index");
    ASSERT_FALSE(parsed) << place << " " << value;
    EXPECT_NE(parsed.error().message().find("withdrawn"), std::string::npos) << parsed.error().message();
  }
  auto both = whole;
  both["withdrawn"] = Json::array({Json{{"counter", first}}, whole["withdrawn"][0]});
  EXPECT_FALSE(parse_index(both.dump(), "index")) << "it would go back to what is withdrawn";
}

TEST(Indexes, HaveLimits) {
  auto json = to_json(full_index());
  json["entries"] = std::vector<Json>(kMostEntries + 1, Json::object());
  EXPECT_FALSE(parse_index(json.dump(), "index"));
  const auto parsed = parse_index(std::string(kLongestIndex.count + 1, ' '), "index");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().reason, "too_long");
  auto entry = full_entry();
  entry.deltas.assign(kMostDeltas + 1, entry.deltas.front());
  EXPECT_FALSE(parse_entry(to_json(entry), "entry"));
}

TEST(Rollouts, ComeBackAsTheyWere) {
  const Rollout rollout{"app",
                        "stable",
                        "linux-x64",
                        {{{1, 1}, sha256("a"), 125, false, ""}, {{1, 2}, sha256("b"), 0, true, "it crashes"}}};
  const auto json = to_json(rollout);
  const auto back = parse_rollout(json.dump(), "rollout");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), json);
}

TEST(Rollouts, RingsAreLeftOutWhereThereAreNone) {
  Rollout rollout{"app", "stable", "linux-x64", {{{1, 1}, sha256("a"), 125, false, ""}}};
  EXPECT_FALSE(to_json(rollout)["items"][0].contains("rings")) << "the form of before there were rings";
  rollout.items[0].rings = {"canary", "early"};
  const auto back = parse_rollout(to_json(rollout).dump(), "rollout");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->items[0].rings, rollout.items[0].rings);
}

TEST(Rollouts, WrongRingsAreRefused) {
  const auto whole = to_json(Rollout{"app", "stable", "linux-x64", {{{1, 1}, sha256("a"), 125, false, ""}}});
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= kMostRings; ++i) many.push_back("r" + std::to_string(i));
  for (const Json& rings : {Json::array(), Json("canary"), Json{"a", "a"}, Json{"A"}, Json{""}, Json{1}, Json(many)}) {
    auto json = whole;
    json["items"][0]["rings"] = rings;
    EXPECT_FALSE(parse_rollout(json.dump(), "rollout")) << rings;
  }
}

TEST(Rollouts, WrongValuesAreRefused) {
  const auto whole = to_json(Rollout{"app", "stable", "linux-x64", {{{1, 1}, sha256("a"), 125, false, ""}}});
  ASSERT_TRUE(parse_rollout(whole.dump(), "rollout"));
  const std::vector<Wrong> all{{"/items/0/permille", -1},
                               {"/items/0/permille", 1001},
                               {"/items/0/permille", "10"},
                               {"/items/0/paused", 1},
                               {"/items/0/entry", "aa"},
                               {"/items/0/counter", 1},
                               {"/items/0/more", 1},
                               {"/items", Json::object()},
                               {"/product", "APP"},
                               {"/channel", "a/b"},
                               {"/platform", ""},
                               {"/more", 1},
                               {"/items/1", whole["items"][0]}};
  for (const auto& [place, value] : all) {
    auto json = whole;
    json[Json::json_pointer(place)] = value;
    EXPECT_FALSE(parse_rollout(json.dump(), "rollout")) << place;
  }
}

TEST(Names, BecomePartsOfPaths) {
  for (const char* name : {"a", "app", "linux-x64", "1.0", "a_b", "0"}) EXPECT_TRUE(parse_name(name)) << name;
  EXPECT_TRUE(parse_name(std::string(64, 'a')));
  EXPECT_FALSE(parse_name(std::string(65, 'a')));
  for (const char* name : {"", ".", "..", ".a", "-a", "_a", "A", "a/b", "a b", "\xc3\xa4", "a\n"}) {
    const auto parsed = parse_name(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  }
}

TEST(Names, PathsOfTheDocuments) {
  EXPECT_EQ(index_path("app", "stable", "linux-x64"), "index/app/stable/linux-x64.json");
  EXPECT_EQ(rollout_path("app", "stable", "linux-x64"), "rollout/app/stable.linux-x64.json");
  EXPECT_EQ((ReleaseCounter{2, 41}.text()), "2.41");
}

TEST(Counters, TheEpochCountsFirst) {
  EXPECT_LT((ReleaseCounter{1, 900}), (ReleaseCounter{2, 1}));
  EXPECT_LT((ReleaseCounter{2, 1}), (ReleaseCounter{2, 2}));
}

}  // namespace
}  // namespace upswarm::trust
