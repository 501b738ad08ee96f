#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "protocol/base/hex.hpp"
#include "protocol/trust/openssl/verifier.hpp"

namespace upswarm::trust {
namespace {

constexpr int kFewestRsaBits = 2048;
constexpr int kMostRsaBits = 16384;
constexpr const char* kEcdsa = "ecdsa-sha2-nistp256";
constexpr const char* kCurve = "prime256v1";  // what OpenSSL calls P-256

struct Freer {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
template <typename T>
using Owned = std::unique_ptr<T, Freer>;

Owned<EVP_PKEY> read_pem(const std::string& text) {
  const Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Owned<EVP_PKEY> key(bio == nullptr ? nullptr : PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return key;
}

bool is_rsa(const EVP_PKEY& key) {
  const int bits = EVP_PKEY_get_bits(&key);
  return EVP_PKEY_is_a(&key, "RSA") == 1 && bits >= kFewestRsaBits && bits <= kMostRsaBits;
}

bool is_p256(const EVP_PKEY& key) {
  std::array<char, 64> curve{};
  return EVP_PKEY_is_a(&key, "EC") == 1 && EVP_PKEY_get_group_name(&key, curve.data(), curve.size(), nullptr) == 1 &&
         std::string_view(curve.data()) == kCurve;
}

bool use_pss(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

bool is_signed_by(EVP_PKEY* key, bool pss, ByteView signature, ByteView message) {
  const auto raw = [](ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); };
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // belongs to the context
  const bool good =
      context != nullptr && EVP_DigestVerifyInit(context.get(), &options, EVP_sha256(), nullptr, key) == 1 &&
      (!pss || use_pss(options)) &&
      EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

class ConformanceVerifier final : public SignatureVerifier {
 public:
  bool is_good(const PublicKey& key, std::string_view signature_hex, ByteView message) const override {
    const bool rsa = key.type == "rsa" && key.scheme == "rsassa-pss-sha256";
    const bool ecdsa = (key.type == "ecdsa" || key.type == kEcdsa) && key.scheme == kEcdsa;
    if (!rsa && !ecdsa) return ed25519_verifier().is_good(key, signature_hex, message);
    const auto signature = from_hex(signature_hex);
    if (!signature || signature->empty()) return false;
    const auto pem = read_pem(key.public_text);
    if (pem == nullptr || !(rsa ? is_rsa(*pem) : is_p256(*pem))) return false;
    return is_signed_by(pem.get(), rsa, *signature, message);
  }
};

}  // namespace

const SignatureVerifier& conformance_verifier() {
  static const ConformanceVerifier verifier;
  return verifier;
}

}  // namespace upswarm::trust
