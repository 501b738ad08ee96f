#include "seeder/publish/public_key_file.hpp"

#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

using publish::read_public_key;

TEST(PublicKeyFileTest, WhatWasWrittenIsRead) {
  const auto key = trust::SigningKey::generate();
  const auto file = read_public_key(publish::write_public_key(key.public_key(), "rel-app"), "the file");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->role, "rel-app");
  EXPECT_EQ(file->key_id, key.id());
  EXPECT_EQ(file->key.public_text, key.public_key().public_text);
}

TEST(PublicKeyFileTest, EveryMistakeIsRefused) {
  const auto text = publish::write_public_key(trust::SigningKey::generate().public_key(), "rel-app");
  const auto other = trust::SigningKey::generate();
  const std::pair<const char*, Json> mistakes[] = {
      {"format", 2},          {"type", "ed25519"}, {"role", 1},
      {"key_id", other.id()}, {"public", "00"},    {"public", std::string(64, 'G')},
      {"public", other.id()}, {"more", 1}};
  for (const auto& [key, value] : mistakes) {
    auto json = Json::parse(text);
    json[key] = value;
    EXPECT_EQ(read_public_key(json.dump(), "the file").error().kind, ErrorKind::corrupt) << key;
  }
}

TEST(PublicKeyFileTest, PeopleHoldKeysOfOfflineRolesAlone) {
  for (const auto* role : {"root", "targets", "rel-app", "pre-app"}) EXPECT_TRUE(publish::check_offline_role(role));
  for (const auto* role : {"timestamp", "snapshot", "rollout", "rel-", "rel-A", "app", ""})
    EXPECT_EQ(publish::check_offline_role(role).error().reason, "role") << role;
}

TEST(PublicKeyFileTest, ANewKeyNeverReplacesAnother) {
  const TemporaryFolder top;
  const auto make = [&](const char* role, const char* name) {
    return publish::write_new_key(unsynced_files(), top.path(), role, name, kPassphrase, publish::least_strength());
  };
  ASSERT_TRUE(make("rel-app", "anna"));
  const auto before = snapshot_of(top.path());
  EXPECT_EQ(before.size(), 2U);
  EXPECT_EQ(make("rel-app", "anna").error().reason, "exists");
  EXPECT_EQ(make("rollout", "anna").error().reason, "role");
  EXPECT_EQ(make("rel-app", "../anna").error().kind, ErrorKind::invalid);
  EXPECT_EQ(snapshot_of(top.path()), before);
  EXPECT_EQ(must(unsynced_files().info(top / "rel-app-anna.key.json")).mode & 0777U, 0600U);
}

}  // namespace
}  // namespace upswarm::tests
