#include "seeder/publish/key_file.hpp"

#include <gtest/gtest.h>

#include "protocol/base/hex.hpp"

namespace upswarm::publish {
namespace {

class KeyFileTest : public testing::Test {
 protected:
  const trust::SigningKey key = trust::SigningKey::generate();
  const std::string text = *lock_key(key, "rel-app", "a passphrase", least_strength());

  /// The file with one field replaced.
  std::string with(const char* pointer, const Json& value) const {
    auto json = Json::parse(text);
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
  }
};

TEST_F(KeyFileTest, GivesTheKeyBackForItsPassphrase) {
  const auto unlocked = unlock_key(text, "the file", "a passphrase");
  ASSERT_TRUE(unlocked) << unlocked.error().message();
  EXPECT_EQ(unlocked->id(), key.id());
  EXPECT_EQ(unlocked->sign(as_bytes("words")), key.sign(as_bytes("words")));
}

TEST_F(KeyFileTest, AWrongPassphraseIsDeniedInClearWords) {
  const auto unlocked = unlock_key(text, "keys/rel-app-1.key.json", "a passphrasf");
  ASSERT_FALSE(unlocked);
  EXPECT_EQ(unlocked.error().kind, ErrorKind::denied);
  EXPECT_EQ(unlocked.error().reason, "passphrase");
  EXPECT_NE(unlocked.error().message().find("wrong passphrase"), std::string::npos);
  EXPECT_NE(unlocked.error().message().find("keys/rel-app-1.key.json"), std::string::npos);
}

TEST_F(KeyFileTest, AnyAlteredByteOfTheBoxIsDenied) {
  auto box = *from_base64(Json::parse(text).at("box").get<std::string>());
  for (std::size_t i = 0; i < box.size(); ++i) {
    auto altered = box;
    altered[i] ^= std::byte{1};
    const auto unlocked = unlock_key(with("/box", to_base64(altered)), "the file", "a passphrase");
    ASSERT_FALSE(unlocked) << "byte " << i;
    EXPECT_EQ(unlocked.error().kind, ErrorKind::denied);
  }
}

TEST_F(KeyFileTest, AKeyUnderAnotherNameIsCorrupt) {
  const auto other = trust::SigningKey::generate();
  const auto unlocked = unlock_key(with("/key_id", other.id()), "the file", "a passphrase");
  ASSERT_FALSE(unlocked);
  EXPECT_EQ(unlocked.error().kind, ErrorKind::corrupt);
}

TEST_F(KeyFileTest, RefusesToSpendAllMemoryOrTime) {
  for (const auto& altered : {with("/kdf/mem", std::int64_t{1} << 40), with("/kdf/ops", 1'000'000), with("/kdf/mem", 1),
                              with("/kdf/ops", 0)}) {
    const auto unlocked = unlock_key(altered, "the file", "a passphrase");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, ErrorKind::corrupt);
  }
}

TEST_F(KeyFileTest, RefusesWhatIsNoKeyFile) {
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    EXPECT_FALSE(unlock_key(text.substr(0, length), "the file", "a passphrase"));
  }
  for (const auto& altered : {with("/format", 2), with("/kdf/name", "scrypt"), with("/kdf/salt", "00"),
                              with("/box", "AAAA"), with("/extra", 1)}) {
    EXPECT_EQ(unlock_key(altered, "the file", "a passphrase").error().kind, ErrorKind::corrupt);
  }
}

TEST_F(KeyFileTest, IsNeverWeakerThanTheLeast) {
  auto weak = least_strength();
  weak.memory -= 1_B;
  const auto locked = lock_key(key, "root", "a passphrase", weak);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind, ErrorKind::invalid);
}

TEST_F(KeyFileTest, RealKeysCostAQuarterGibibyteAGuess) { EXPECT_GE(moderate_strength().memory, 256_MiB); }

TEST_F(KeyFileTest, TellsRoleAndIdWithoutThePassphrase) {
  const auto info = read_key_file_info(text, "the file");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->role, "rel-app");
  EXPECT_EQ(info->key_id, key.id());
}

TEST_F(KeyFileTest, TwoFilesOfOneKeyShareNothingSecret) {
  const auto again = Json::parse(*lock_key(key, "rel-app", "a passphrase", least_strength()));
  EXPECT_NE(again.at("box"), Json::parse(text).at("box"));
  EXPECT_NE(again.at("kdf").at("salt"), Json::parse(text).at("kdf").at("salt"));
  EXPECT_EQ(text.find(to_hex(key.seed())), std::string::npos);
}

TEST_F(KeyFileTest, OnlineKeysHaveTheFormThatTheSeederReads) {
  const auto json = Json::parse(write_online_key(key));
  EXPECT_EQ(json, (Json{{"format", 1}, {"type", "ed25519"}, {"seed", to_hex(key.seed())}}));
}

}  // namespace
}  // namespace upswarm::publish
