#include "protocol/trust/keys.hpp"

#include <gtest/gtest.h>

#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"

namespace upswarm::trust {
namespace {

struct Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
const Vector kVectors[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
                            "f9b46bd25bf5f0595bbe24655141438e7a100b"},
                           {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
                            "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
                           {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
                            "4dc6594a7c15e9716ed28dc027beceea1ec40a"}};

TEST(Keys, SignAsRfc8032Says) {
  for (const auto& vector : kVectors) {
    const auto key = SigningKey::from_seed(*from_hex(vector.seed));
    ASSERT_TRUE(key);
    EXPECT_EQ(key->public_key().public_text, vector.public_key);
    const auto message = *from_hex(vector.message);
    EXPECT_EQ(key->sign(message), vector.signature);
    EXPECT_TRUE(ed25519_verifier().is_good(key->public_key(), vector.signature, message));
  }
}

TEST(Keys, EveryAlteredBitIsNoticed) {
  const auto key = SigningKey::generate();
  const auto message = as_bytes("the message");
  auto signature = *from_hex(key.sign(message));
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    signature[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(ed25519_verifier().is_good(key.public_key(), to_hex(signature), message)) << bit;
    signature[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

TEST(Keys, AnotherMessageAnotherKeyAnotherSchemeIsNotGood) {
  const auto key = SigningKey::generate();
  const auto signature = key.sign(as_bytes("a"));
  EXPECT_FALSE(ed25519_verifier().is_good(key.public_key(), signature, as_bytes("b")));
  EXPECT_FALSE(ed25519_verifier().is_good(SigningKey::generate().public_key(), signature, as_bytes("a")));
  auto other = key.public_key();
  other.scheme = "ed25519ph";
  EXPECT_FALSE(ed25519_verifier().is_good(other, signature, as_bytes("a")));
}

TEST(Keys, MisshapenSignaturesAreNotGood) {
  const auto key = SigningKey::generate();
  for (const auto& signature : std::vector<std::string>{"", "00", "zz", std::string(126, '0'), std::string(130, '0')}) {
    EXPECT_FALSE(ed25519_verifier().is_good(key.public_key(), signature, as_bytes("a")));
  }
}

TEST(Keys, TheIdIsTheDigestOfTheCanonicalKey) {
  const auto key = SigningKey::from_seed(*from_hex(kVectors[0].seed));
  EXPECT_EQ(
      key->id(),
      sha256(
          R"({"keytype":"ed25519","keyval":{"public":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},"scheme":"ed25519"})")
          .hex());
}

TEST(Keys, AKeyComesBackFromItsSeed) {
  const auto key = SigningKey::generate();
  const auto again = SigningKey::from_seed(key.seed());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id(), key.id());
  EXPECT_FALSE(SigningKey::from_seed(as_bytes("short")));
}

TEST(Keys, AMissingFieldIsRefused) {
  const auto whole = to_json(SigningKey::generate().public_key());
  for (const char* field : {"keytype", "scheme", "keyval"}) {
    auto json = whole;
    json.erase(field);
    EXPECT_FALSE(parse_key(json, "key")) << field;
  }
}

}  // namespace
}  // namespace upswarm::trust
