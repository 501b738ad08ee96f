#include <gtest/gtest.h>

#include "protocol/trust/metadata.hpp"

namespace upswarm::trust {
namespace {

const Json kHashes{{"sha256", std::string(64, 'a')}};

Json head(const char* type) {
  return {{"_type", type}, {"spec_version", "1.0.34"}, {"version", 1}, {"expires", "2030-01-01T00:00:00Z"}};
}

Json targets_with(Json role) {
  auto json = head("targets");
  json["targets"] = Json::object();
  json["delegations"] = {{"keys", Json::object()}, {"roles", Json::array({std::move(role)})}};
  return json;
}

Json good_role() {
  return {{"name", "a"}, {"keyids", {"k"}}, {"threshold", 1}, {"terminating", false}, {"paths", {"x/*"}}};
}

Envelope envelope(const Json& content) {
  return *parse_envelope(Json{{"signed", content}, {"signatures", Json::array()}}.dump(), "test", kLongestTargets);
}

bool takes_role(const Json& role) { return parse_targets(envelope(targets_with(role)), "targets").has_value(); }

bool takes_meta(const Json& file) {
  auto timestamp = head("timestamp");
  timestamp["meta"]["snapshot.json"] = file;
  auto snapshot = head("snapshot");
  snapshot["meta"]["targets.json"] = file;
  const bool first = parse_timestamp(envelope(timestamp)).has_value();
  EXPECT_EQ(parse_snapshot(envelope(snapshot)).has_value(), first) << file;
  return first;
}

TEST(MetaFiles, NeedAVersionAlone) {
  EXPECT_TRUE(takes_meta({{"version", 1}}));
  EXPECT_TRUE(takes_meta({{"version", 1}, {"length", 10}, {"hashes", kHashes}, {"new-field", {1}}}));
  EXPECT_FALSE(takes_meta(Json::object()));
  EXPECT_FALSE(takes_meta({{"version", 0}}));
  EXPECT_FALSE(takes_meta({{"version", 1}, {"length", 0}}));
  EXPECT_FALSE(takes_meta({{"version", 1}, {"length", -1}}));
  EXPECT_FALSE(takes_meta(1));
}

TEST(MetaFiles, HashesThatCannotBeCheckedAreRefused) {
  EXPECT_FALSE(takes_meta({{"version", 1}, {"hashes", {{"sha512", std::string(128, 'a')}}}}));
  EXPECT_FALSE(takes_meta({{"version", 1}, {"hashes", Json::object()}}));
  EXPECT_FALSE(takes_meta({{"version", 1}, {"hashes", {{"sha256", "aa"}}}}));
  EXPECT_TRUE(takes_meta({{"version", 1}, {"hashes", {{"sha256", std::string(64, 'a')}, {"sha512", "any"}}}}));
}

TEST(Snapshots, AlwaysListTargets) {
  auto json = head("snapshot");
  json["meta"] = {{"other.json", {{"version", 1}}}};
  EXPECT_FALSE(parse_snapshot(envelope(json)));
  json["meta"]["targets.json"] = {{"version", 1}};
  EXPECT_TRUE(parse_snapshot(envelope(json)));
  json["meta"]["no-json"] = {{"version", 1}};
  EXPECT_FALSE(parse_snapshot(envelope(json)));
}

TEST(TargetFiles, NeedLengthAndDigest) {
  const auto takes = [](const Json& file) {
    auto json = head("targets");
    json["targets"]["a/b"] = file;
    return parse_targets(envelope(json), "targets").has_value();
  };
  EXPECT_TRUE(takes({{"length", 0}, {"hashes", kHashes}, {"custom", {{"any", 1}}}}));
  EXPECT_FALSE(takes({{"hashes", kHashes}}));
  EXPECT_FALSE(takes({{"length", -1}, {"hashes", kHashes}}));
  EXPECT_FALSE(takes({{"length", 1}}));
  EXPECT_FALSE(takes({{"length", 1}, {"hashes", {{"md5", "aa"}}}}));
}

TEST(Delegations, EachFieldIsNeeded) {
  ASSERT_TRUE(takes_role(good_role()));
  for (const char* key : {"name", "keyids", "threshold", "terminating", "paths"}) {
    auto role = good_role();
    role.erase(key);
    EXPECT_FALSE(takes_role(role)) << key;
    role[key] = Json::object();
    EXPECT_FALSE(takes_role(role)) << key;
  }
}

TEST(Delegations, NamesOfTopLevelRolesAreRefusedHoweverSpelt) {
  for (const char* name : {"", "root", "Root", "TIMESTAMP", "snapshot", "targets"}) {
    auto role = good_role();
    role["name"] = name;
    EXPECT_FALSE(takes_role(role)) << name;
  }
  auto role = good_role();
  role["name"] = std::string(kLongestRoleName + 1, 'a');
  EXPECT_FALSE(takes_role(role));
}

TEST(Delegations, PathsOrHashPrefixesButNotBoth) {
  auto role = good_role();
  role["path_hash_prefixes"] = {"ab", "00"};
  EXPECT_FALSE(takes_role(role));
  role.erase("paths");
  EXPECT_TRUE(takes_role(role));
  for (const std::string& prefix : {std::string("AB"), std::string("xy"), std::string(65, 'a')}) {
    role["path_hash_prefixes"] = {prefix};
    EXPECT_FALSE(takes_role(role)) << prefix;
  }
}

TEST(Delegations, ARoleTwiceIsRefused) {
  auto json = targets_with(good_role());
  json["delegations"]["roles"].push_back(good_role());
  EXPECT_FALSE(parse_targets(envelope(json), "targets"));
}

TEST(Delegations, AKeyIdTwiceIsRefused) {
  auto role = good_role();
  role["keyids"] = {"k", "k"};
  EXPECT_FALSE(takes_role(role));
}

TEST(Delegations, TheEpochIsOneUnlessSaid) {
  const auto epoch_of = [](const Json& role) {
    return parse_targets(envelope(targets_with(role)), "targets")->delegations.roles.at(0).epoch;
  };
  auto role = good_role();
  EXPECT_EQ(epoch_of(role), 1);
  role["x-upswarm-epoch"] = 4;
  EXPECT_EQ(epoch_of(role), 4);
  const auto targets = parse_targets(envelope(targets_with(role)), "targets");
  EXPECT_EQ(to_json(*targets)["delegations"]["roles"][0], role);
  role["x-upswarm-epoch"] = 0;
  EXPECT_FALSE(takes_role(role));
}

TEST(Envelopes, MustHaveTheirForm) {
  for (const char* text :
       {"", "[]", "{}", R"({"signed":{}})", R"({"signatures":[]})", R"({"signed":[],"signatures":[]})",
        R"({"signed":{},"signatures":{}})", R"({"signed":{},"signatures":[1]})",
        R"({"signed":{},"signatures":[{"keyid":"a"}]})", R"({"signed":{"a":1,"a":2},"signatures":[]})",
        R"({"signed":{"a":1.5},"signatures":[]})", "{\"signed\":{},\"signatures\":[]} x"}) {
    const auto parsed = parse_envelope(text, "test", kLongestRoot);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::corrupt);
  }
  EXPECT_TRUE(parse_envelope(R"({"signed":{},"signatures":[],"new":1})", "test", kLongestRoot));
}

TEST(Envelopes, SpaceAndOrderDoNotTouchSignatures) {
  const auto key = SigningKey::generate();
  const auto sealed = Json::parse(seal(Json{{"b", 1}, {"a", "x\ny"}}, {&key}));
  const auto parsed = parse_envelope(sealed.dump(4), "test", kLongestRoot);
  ASSERT_TRUE(parsed) << "also with a line break in it, which canonical JSON does not escape";
  EXPECT_EQ(parsed->canonical, "{\"a\":\"x\ny\",\"b\":1}");
  EXPECT_TRUE(verify_signatures(*parsed, {{key.id()}, 1}, {{key.id(), key.public_key()}}, ed25519_verifier(), "test"));
}

TEST(Envelopes, KeysOfUnknownKindsDoNotCountAndDoNoHarm) {
  const auto key = SigningKey::generate();
  const auto parsed = parse_envelope(seal(Json::object(), {&key}), "test", kLongestRoot);
  auto strange = key.public_key();
  strange.type = "sphincs";
  EXPECT_FALSE(verify_signatures(*parsed, {{key.id()}, 1}, {{key.id(), strange}}, ed25519_verifier(), "test"));
  EXPECT_TRUE(parse_key(to_json(strange), "key"));
  EXPECT_FALSE(verify_signatures(*parsed, {{key.id()}, 1}, {}, ed25519_verifier(), "test"))
      << "a key that is not listed";
  EXPECT_FALSE(verify_signatures(*parsed, {{}, 1}, {{key.id(), key.public_key()}}, ed25519_verifier(), "test"))
      << "a key of no role";
}

// A matcher that tries everything would not come back from this.
TEST(Patterns, ManyStarsAreNoTrouble) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  const std::string path(100'000, 'a');
  EXPECT_FALSE(is_responsible({"r", {}, false, {pattern + "b"}, {}}, path));
  EXPECT_TRUE(is_responsible({"r", {}, false, {pattern}, {}}, path));
}

TEST(RoleNames, AreEncodedButForUnreservedCharacters) {
  EXPECT_EQ(encode_role_name("rel-app_1.2~x"), "rel-app_1.2~x");
  EXPECT_EQ(encode_role_name("../a b%"), "..%2Fa%20b%25");
  EXPECT_EQ(encode_role_name("\xc3\xa4\\:*"), "%C3%A4%5C%3A%2A");
  EXPECT_EQ(metadata_name("a/b", 7), "7.a%2Fb.json");
  EXPECT_EQ(metadata_name("timestamp", std::nullopt), "timestamp.json");
}

}  // namespace
}  // namespace upswarm::trust
