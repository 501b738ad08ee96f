#include "protocol/trust/metadata.hpp"

#include <gtest/gtest.h>

#include "protocol/trust/client.hpp"
#include "protocol/trust/target_check.hpp"
#include "tests/support/repository_simulator.hpp"

namespace upswarm::trust {
namespace {

class MetadataTest : public testing::Test {
 protected:
  tests::FakeClock clock;
  tests::RepositorySimulator simulator{clock};

  static Result<Envelope> envelope(Json content) {
    return parse_envelope(Json{{"signed", std::move(content)}, {"signatures", Json::array()}}.dump(), "test",
                          kLongestTargets);
  }
  template <typename Parse>
  static void expect_each_field_needed(const Json& whole, Parse parse, std::vector<std::string> optional = {}) {
    ASSERT_TRUE(parse(*envelope(whole))) << parse(*envelope(whole)).error().message();
    for (const auto& [key, value] : whole.items()) {
      auto json = whole;
      json.erase(key);
      const bool may_miss = std::find(optional.begin(), optional.end(), key) != optional.end();
      EXPECT_EQ(parse(*envelope(json)).has_value(), may_miss) << key;
      json[key] = Json::array({1});
      EXPECT_FALSE(parse(*envelope(json))) << key << " of a wrong type";
    }
  }
};

TEST_F(MetadataTest, RootNeedsEachField) {
  expect_each_field_needed(to_json(simulator.root), parse_root, {"consistent_snapshot"});
}
TEST_F(MetadataTest, TimestampNeedsEachField) {
  expect_each_field_needed(to_json(simulator.timestamp), parse_timestamp);
}
TEST_F(MetadataTest, SnapshotNeedsEachField) { expect_each_field_needed(to_json(simulator.snapshot), parse_snapshot); }
TEST_F(MetadataTest, TargetsNeedEachField) {
  expect_each_field_needed(to_json(simulator.targets), [](const Envelope& e) { return parse_targets(e, "targets"); },
                           {"delegations"});
}

TEST_F(MetadataTest, RootComesBackAsItWas) {
  const auto back = parse_root(*envelope(to_json(simulator.root)));
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(simulator.root));
}

TEST_F(MetadataTest, TargetsComeBackAsTheyWere) {
  const auto back = parse_targets(*envelope(to_json(simulator.targets)), "targets");
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(simulator.targets));
}

TEST_F(MetadataTest, VersionsBeginAtOne) {
  auto json = to_json(simulator.timestamp);
  for (const auto& version : {Json(0), Json(-1), Json("1")}) {
    json["version"] = version;
    EXPECT_FALSE(parse_timestamp(*envelope(json)));
  }
}

TEST_F(MetadataTest, OnlyVersionOneOfTheSpecificationIsKnown) {
  auto json = to_json(simulator.timestamp);
  json["spec_version"] = "2.0.0";
  EXPECT_FALSE(parse_timestamp(*envelope(json)));
  json["spec_version"] = "1.99.0";
  EXPECT_TRUE(parse_timestamp(*envelope(json)));
}

TEST_F(MetadataTest, OneRoleIsNotTakenForAnother) {
  EXPECT_FALSE(parse_timestamp(*envelope(to_json(simulator.snapshot))));
  EXPECT_FALSE(parse_root(*envelope(to_json(simulator.targets))));
}

TEST_F(MetadataTest, AKeyIdTwiceAmongSignaturesIsRefused) {
  const Json twice{{"signed", to_json(simulator.timestamp)},
                   {"signatures", Json::array({{{"keyid", "a"}, {"sig", "00"}}, {{"keyid", "a"}, {"sig", "01"}}})}};
  EXPECT_FALSE(parse_envelope(twice.dump(), "test", kLongestTimestamp));
}

TEST_F(MetadataTest, TooLongIsRefusedUnread) {
  const auto parsed = parse_envelope(std::string(20'000, ' '), "timestamp", kLongestTimestamp);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().reason, "too_long");
}

TEST_F(MetadataTest, AThresholdOfZeroIsRefused) {
  auto json = to_json(simulator.root);
  json["roles"]["root"]["threshold"] = 0;
  EXPECT_FALSE(parse_root(*envelope(json)));
}

TEST_F(MetadataTest, ADelegationMayNotBeNamedLikeATopLevelRole) {
  auto json = to_json(simulator.targets);
  json["delegations"]["roles"][0]["name"] = "targets";
  EXPECT_FALSE(parse_targets(*envelope(json), "targets"));
}

class SignaturesTest : public testing::Test {
 protected:
  Result<void> check(const std::vector<const SigningKey*>& signers, int threshold) {
    const auto parsed = parse_envelope(seal(Json{{"x", 1}}, signers), "test", kLongestRoot);
    EXPECT_TRUE(parsed);
    std::map<KeyId, PublicKey> keys;
    RoleKeys role{{}, threshold};
    for (const auto* key : {&a, &b, &c}) {
      keys[key->id()] = key->public_key();
      role.key_ids.push_back(key->id());
    }
    return verify_signatures(*parsed, role, keys, ed25519_verifier(), "test");
  }

  SigningKey a = SigningKey::generate();
  SigningKey b = SigningKey::generate();
  SigningKey c = SigningKey::generate();
  SigningKey stranger = SigningKey::generate();
};

TEST_F(SignaturesTest, TheThresholdMustBeReached) {
  EXPECT_TRUE(check({&a}, 1));
  EXPECT_TRUE(check({&a, &c}, 2));
  EXPECT_EQ(check({&a}, 2).error().reason, "wrong_signature");
  EXPECT_FALSE(check({}, 1));
}

TEST_F(SignaturesTest, StrangersDoNotCount) {
  EXPECT_FALSE(check({&stranger}, 1));
  EXPECT_FALSE(check({&a, &stranger}, 2));
  EXPECT_TRUE(check({&stranger, &a, &b}, 2)) << "nor do they harm";
}

TEST_F(SignaturesTest, OneKeyUnderTwoIdsCountsOnce) {
  const auto message = seal(Json{{"x", 1}}, {&a});
  auto json = Json::parse(message);
  auto second = json["signatures"][0];
  second["keyid"] = "another-id";
  json["signatures"].push_back(second);
  const auto parsed = parse_envelope(json.dump(), "test", kLongestRoot);
  ASSERT_TRUE(parsed);
  const std::map<KeyId, PublicKey> keys{{a.id(), a.public_key()}, {"another-id", a.public_key()}};
  EXPECT_FALSE(verify_signatures(*parsed, {{a.id(), "another-id"}, 2}, keys, ed25519_verifier(), "test"));
}

TEST(Signatures, OnePemKeyInTwoSpellingsCountsOnce) {
  const auto key = SigningKey::generate();
  const auto parsed = parse_envelope(R"({"signed":{},"signatures":[{"keyid":"a","sig":""},{"keyid":"b","sig":""}]})",
                                     "test", kLongestRoot);
  ASSERT_TRUE(parsed);
  class Trusting final : public SignatureVerifier {
    bool is_good(const PublicKey& /*key*/, std::string_view /*hex*/, ByteView /*message*/) const override {
      return true;
    }
  };
  for (const char* other : {"-----BEGIN\r\nQUJDREVG\n-----END", "whose it is\n-----BEGIN\nQUJDREVG\n-----END\n",
                            "-----BEGIN\nQUJDREVG\n-----END\nwhose it is\n"}) {
    const std::map<KeyId, PublicKey> keys{{"a", {"rsa", "rsassa-pss-sha256", "-----BEGIN\nQUJD\nREVG\n-----END\n"}},
                                          {"b", {"rsa", "rsassa-pss-sha256", other}}};
    EXPECT_TRUE(verify_signatures(*parsed, {{"a", "b"}, 1}, keys, Trusting(), "test"));
    EXPECT_FALSE(verify_signatures(*parsed, {{"a", "b"}, 2}, keys, Trusting(), "test")) << other;
  }
}

struct PathCase {
  const char* pattern;
  const char* path;
  bool matches;
};

TEST(Responsibility, PatternsMatchPartByPart) {
  for (const auto& [pattern, path, matches] :
       {PathCase{"pkg/app/*/*/*", "pkg/app/linux-x64/1.0.0/file.upk", true},
        PathCase{"pkg/app/*/*/*", "pkg/app/linux-x64/file.upk", false},
        PathCase{"pkg/app/*/*/*", "pkg/app/a/b/c/d", false}, PathCase{"pkg/app/*/*/*", "pkg/other/a/b/c", false},
        PathCase{"*", "file", true}, PathCase{"*", "a/file", false}, PathCase{"a?c", "abc", true},
        PathCase{"a?c", "a/c", false}, PathCase{"*.json", "x.json", true}, PathCase{"a*b*c", "aXbYbZc", true},
        PathCase{"a*b*c", "aXbYbZ", false}, PathCase{"", "", true}, PathCase{"a", "", false},
        // A character of several bytes is one.
        PathCase{"a?c",
                 "a\xc3\xa9"
                 "c",
                 true},
        PathCase{"a??c",
                 "a\xc3\xa9"
                 "c",
                 false},
        PathCase{"*?c",
                 "\xe2\x82\xac"
                 "c",
                 true},
        PathCase{"*??c",
                 "\xe2\x82\xac"
                 "c",
                 false},
        PathCase{"?*", "\xf0\x9f\x98\x80", true}}) {
    EXPECT_EQ(is_responsible({"r", {}, false, {pattern}, {}}, path), matches) << pattern << " " << path;
  }
}

TEST(Responsibility, HashPrefixesAreOfThePath) {
  const auto prefix = sha256(std::string_view("some/file")).hex().substr(0, 4);
  EXPECT_TRUE(is_responsible({"r", {}, false, {}, {prefix}}, "some/file"));
  EXPECT_FALSE(is_responsible({"r", {}, false, {}, {prefix}}, "other/file"));
}

TEST(SuccinctRolesTest, APathBelongsToTheBinThatItsDigestNumbers) {
  // SHA-256("path") begins with a0af9f86.
  const auto bin = [](int bits) { return bin_of({.keys = {}, .bit_length = bits, .name_prefix = "bin"}, "path"); };
  ASSERT_EQ(sha256("path").hex().substr(0, 8), "a0af9f86");
  EXPECT_EQ(bin(1), "bin-1");
  EXPECT_EQ(bin(3), "bin-5");
  EXPECT_EQ(bin(4), "bin-a");
  EXPECT_EQ(bin(5), "bin-14");
  EXPECT_EQ(bin(8), "bin-a0");
  EXPECT_EQ(bin(9), "bin-141");
  EXPECT_EQ(bin(32), "bin-a0af9f86");
}

TEST(SuccinctRolesTest, AreReadAndWritten) {
  Json value{{"keyids", {"k"}}, {"threshold", 1}, {"bit_length", 8}, {"name_prefix", "bin"}};
  const auto read = [](const Json& delegations) {
    Envelope envelope;
    envelope.content = {
        {"_type", "targets"},        {"spec_version", "1.0.34"},  {"version", 1}, {"expires", "2030-01-01T00:00:00Z"},
        {"targets", Json::object()}, {"delegations", delegations}};
    return parse_targets(envelope, "targets");
  };
  const auto of = [](const Json& succinct) { return Json{{"keys", Json::object()}, {"succinct_roles", succinct}}; };
  const auto targets = read(of(value));
  ASSERT_TRUE(targets) << targets.error().message();
  ASSERT_TRUE(targets->delegations.succinct);
  EXPECT_EQ(targets->delegations.succinct->bit_length, 8);
  EXPECT_EQ(to_json(*targets)["delegations"], of(value));
  auto both = of(value);
  both["roles"] = Json::array();
  EXPECT_FALSE(read(both)) << "roles and succinct roles at once";
  for (const int bits : {0, 33, -1}) {
    value["bit_length"] = bits;
    EXPECT_FALSE(read(of(value))) << bits;
  }
  value["bit_length"] = 32;
  value["name_prefix"] = std::string(kLongestRoleName - 9, 'x');
  EXPECT_TRUE(read(of(value)));
  value["name_prefix"] = std::string(kLongestRoleName - 8, 'x');
  EXPECT_FALSE(read(of(value))) << "the names of its bins would be too long";
}

TEST(DelegatesTest, EndAtTheFirstTerminatingRole) {
  Delegations delegations;
  delegations.roles = {{.name = "other", .keys = {}, .paths = {"b/*"}, .path_hash_prefixes = {}},
                       {.name = "first", .keys = {}, .paths = {"a/*"}, .path_hash_prefixes = {}},
                       {.name = "last", .keys = {}, .terminating = true, .paths = {"a/*"}, .path_hash_prefixes = {}},
                       {.name = "never", .keys = {}, .paths = {"a/*"}, .path_hash_prefixes = {}}};
  std::vector<std::string> names;
  for (const auto& one : delegates_for(delegations, "a/x")) names.push_back(one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"first", "last"}));
}

TEST(TargetHashesTest, Sha512StandsInWhereThereIsNoSha256) {
  const auto read = [](const Json& hashes) {
    Envelope envelope;
    envelope.content = {{"_type", "targets"},
                        {"spec_version", "1.0.34"},
                        {"version", 1},
                        {"expires", "2030-01-01T00:00:00Z"},
                        {"targets", {{"a/b", {{"length", 1}, {"hashes", hashes}}}}}};
    return parse_targets(envelope, "targets");
  };
  const auto is_whole = [](const TargetFile& file, std::string_view bytes) {
    TargetCheck check(file);
    check.update(as_bytes(bytes));
    return check.is_whole();
  };
  // Digests of "x" as FIPS 180-4 has them.
  const std::string sha256_text = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
  const std::string sha512_text =
      "a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238bc13626e43dcb38ddb082488927ec904fb42057443983e885"
      "85"
      "179d50551afe62";
  for (const Json& hashes : {Json{{"sha256", sha256_text}}, Json{{"sha512", sha512_text}},
                             Json{{"sha256", sha256_text}, {"sha512", "anything"}}}) {
    const auto targets = read(hashes);
    ASSERT_TRUE(targets) << targets.error().message();
    EXPECT_TRUE(is_whole(targets->targets.at("a/b"), "x")) << hashes;
    EXPECT_FALSE(is_whole(targets->targets.at("a/b"), "y")) << hashes;
    EXPECT_FALSE(is_whole(targets->targets.at("a/b"), "xx")) << hashes;
  }
  const auto foreign = read({{"sha512", sha512_text}});
  EXPECT_EQ((TrustedTarget{"a/b", foreign->targets.at("a/b"), "targets"}).consistent_name(), "a/" + sha512_text + ".b");
  EXPECT_EQ(to_json(*foreign)["targets"]["a/b"]["hashes"], (Json{{"sha512", sha512_text}}));
  EXPECT_FALSE(read(Json::object()));
  EXPECT_FALSE(read({{"md5", "0"}}));
  EXPECT_FALSE(read({{"sha512", sha256_text}}));
}

}  // namespace
}  // namespace upswarm::trust
