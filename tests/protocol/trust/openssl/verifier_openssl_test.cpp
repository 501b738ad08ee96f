#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "protocol/base/hex.hpp"
#include "protocol/trust/openssl/verifier.hpp"

namespace upswarm::trust {
namespace {

/// A secret key of OpenSSL's.
class Signer {
 public:
  explicit Signer(EVP_PKEY* key) : key_(key) {}
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  ~Signer() { EVP_PKEY_free(key_); }

  std::string pem() const {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(PEM_write_bio_PUBKEY(bio.get(), key_), 1);
    char* data = nullptr;
    const auto length = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(length)};
  }
  std::string sign(std::string_view message, int padding, const EVP_MD* digest = EVP_sha256()) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    EXPECT_EQ(EVP_DigestSignInit(context.get(), &options, digest, nullptr, key_), 1);
    if (padding != 0) {
      EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(options, padding), 1);
    }
    const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
    std::size_t length = 0;
    EXPECT_EQ(EVP_DigestSign(context.get(), nullptr, &length, bytes, message.size()), 1);
    ByteBuffer signature(length);
    EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes,
                             message.size()),
              1);
    return to_hex(ByteView(signature).first(length));
  }

 private:
  EVP_PKEY* key_;
};

bool is_good(const PublicKey& key, const std::string& signature, std::string_view message) {
  return conformance_verifier().is_good(key, signature, as_bytes(message));
}

TEST(ConformanceVerifier, RsaWithPss) {
  const Signer signer(EVP_RSA_gen(2048));
  const PublicKey key{"rsa", "rsassa-pss-sha256", signer.pem()};
  const auto signature = signer.sign("message", RSA_PKCS1_PSS_PADDING);
  EXPECT_TRUE(is_good(key, signature, "message"));
  EXPECT_FALSE(is_good(key, signature, "another message"));
  EXPECT_FALSE(is_good(key, signer.sign("message", RSA_PKCS1_PADDING), "message")) << "another padding";
  EXPECT_FALSE(is_good(key, signer.sign("message", RSA_PKCS1_PSS_PADDING, EVP_sha512()), "message"));
  EXPECT_FALSE(is_good({"rsa", "rsa-pkcs1v15-sha256", signer.pem()}, signature, "message")) << "a scheme not known";
  const Signer other(EVP_RSA_gen(2048));
  EXPECT_FALSE(is_good({"rsa", "rsassa-pss-sha256", other.pem()}, signature, "message"));
}

TEST(ConformanceVerifier, ShortRsaKeysDoNotCount) {
  const Signer signer(EVP_RSA_gen(1024));
  EXPECT_FALSE(
      is_good({"rsa", "rsassa-pss-sha256", signer.pem()}, signer.sign("message", RSA_PKCS1_PSS_PADDING), "message"));
}

TEST(ConformanceVerifier, Ecdsa) {
  const Signer signer(EVP_EC_gen("P-256"));
  const auto signature = signer.sign("message", 0);
  for (const char* type : {"ecdsa", "ecdsa-sha2-nistp256"}) {
    const PublicKey key{type, "ecdsa-sha2-nistp256", signer.pem()};
    EXPECT_TRUE(is_good(key, signature, "message"));
    EXPECT_FALSE(is_good(key, signature, "another message"));
    EXPECT_FALSE(is_good(key, signature + "00", "message"));
    EXPECT_FALSE(is_good(key, "", "message"));
    EXPECT_FALSE(is_good(key, "no hexadecimal", "message"));
  }
  const Signer other_curve(EVP_EC_gen("P-384"));
  EXPECT_FALSE(is_good({"ecdsa", "ecdsa-sha2-nistp256", other_curve.pem()}, other_curve.sign("message", 0), "message"));
}

TEST(ConformanceVerifier, AKeyOfOneKindIsNotTakenForAnother) {
  const Signer rsa(EVP_RSA_gen(2048));
  const Signer curve(EVP_EC_gen("P-256"));
  EXPECT_FALSE(
      is_good({"ecdsa", "ecdsa-sha2-nistp256", rsa.pem()}, rsa.sign("message", RSA_PKCS1_PSS_PADDING), "message"));
  EXPECT_FALSE(is_good({"rsa", "rsassa-pss-sha256", curve.pem()}, curve.sign("message", 0), "message"));
  EXPECT_FALSE(is_good({"rsa", "rsassa-pss-sha256", "no PEM"}, "00", "message"));
}

TEST(ConformanceVerifier, Ed25519AsEverywhere) {
  const auto key = SigningKey::generate();
  EXPECT_TRUE(is_good(key.public_key(), key.sign(as_bytes("message")), "message"));
  EXPECT_FALSE(is_good(key.public_key(), key.sign(as_bytes("message")), "another"));
}

TEST(ProductionVerifier, KnowsEd25519Alone) {
  const Signer signer(EVP_EC_gen("P-256"));
  EXPECT_FALSE(ed25519_verifier().is_good({"ecdsa", "ecdsa-sha2-nistp256", signer.pem()}, signer.sign("message", 0),
                                          as_bytes("message")));
}

}  // namespace
}  // namespace upswarm::trust
