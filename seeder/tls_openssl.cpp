#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <set>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/host_name.hpp>

#include "protocol/base/digest.hpp"
#include "protocol/base/log.hpp"
#include "seeder/tls.hpp"

namespace upswarm::seeder {
namespace {

constexpr long kLifetime = 10L * 365 * 24 * 3600;
constexpr long kBackdated = -3600;  // clocks of machines differ

struct Freer {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
template <typename T>
using Owned = std::unique_ptr<T, Freer>;

Error failure(const char* doing) {
  std::array<char, 256> words{};
  ERR_error_string_n(ERR_get_error(), words.data(), words.size());
  return {ErrorKind::internal, std::string("make a TLS certificate: ") + doing, words.data()};
}

/// "DNS:localhost,IP:127.0.0.1,...": names were checked by the configuration, so none holds a comma.
std::string alternative_names(const std::vector<std::string>& wanted) {
  std::set<std::string> names(wanted.begin(), wanted.end());
  names.insert({"localhost", "127.0.0.1"});
  boost::system::error_code failed;
  if (const auto host = boost::asio::ip::host_name(failed); !failed && !host.empty()) names.insert(host);
  std::string text;
  for (const auto& name : names) {
    boost::asio::ip::make_address(name, failed);
    text += (text.empty() ? "" : ",") + std::string(failed ? "DNS:" : "IP:") + name;
  }
  return text;
}

Result<void> extend(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) return failure(value.c_str());
  return {};
}

Result<void> fill(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& names) {
  X509_set_version(certificate, X509_VERSION_3);
  std::uint64_t serial = 0;
  for (const auto byte : random_bytes(8)) serial = serial << 8U | std::to_integer<std::uint64_t>(byte);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U);
  X509_gmtime_adj(X509_getm_notBefore(certificate), kBackdated);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kLifetime);
  if (X509_set_pubkey(certificate, key) != 1) return failure("set its key");
  auto* const subject = X509_get_subject_name(certificate);
  static constexpr unsigned char kName[] = "upswarm-seeder";
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, kName, -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  // Machines name this very certificate as their CA, so it must be one; it may vouch for itself alone.
  UPSWARM_CHECK(extend(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  UPSWARM_CHECK(extend(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign"));
  UPSWARM_CHECK(extend(certificate, NID_ext_key_usage, "serverAuth"));
  UPSWARM_CHECK(extend(certificate, NID_subject_key_identifier, "hash"));
  UPSWARM_CHECK(extend(certificate, NID_subject_alt_name, alternative_names(names)));
  if (X509_sign(certificate, key, EVP_sha256()) == 0) return failure("sign it");
  return {};
}

template <typename Write>
Result<std::string> to_pem(Write write) {
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || write(memory.get()) != 1) return failure("write it");
  char* data = nullptr;
  const auto length = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<std::size_t>(length));
}

}  // namespace

Result<void> make_certificate(Files& files, const Path& certificate_file, const Path& key_file,
                              const std::vector<std::string>& names) {
  UPSWARM_TRY(const bool has_certificate, exists(files, certificate_file));
  UPSWARM_TRY(const bool has_key, exists(files, key_file));
  if (has_certificate && has_key) return {};
  if (has_certificate) {
    return Error{ErrorKind::denied, "look for " + key_file.string(),
                 "it is missing, though its certificate is there: bring it back or remove both"};
  }
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (key == nullptr) return failure("make a key");
  const Owned<X509> certificate(X509_new());
  if (certificate == nullptr) return failure("begin");
  UPSWARM_CHECK(fill(certificate.get(), key.get(), names));
  UPSWARM_TRY(const auto key_text, to_pem([&](BIO* to) {
                return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
              }));
  UPSWARM_TRY(const auto text, to_pem([&](BIO* to) { return PEM_write_bio_X509(to, certificate.get()); }));
  UPSWARM_CHECK(write_file_atomically(files, key_file, key_text, 0600));
  UPSWARM_CHECK(write_file_atomically(files, certificate_file, text));
  log::info("made a certificate", {{"file", certificate_file.string()}, {"names", alternative_names(names)}});
  return {};
}

}  // namespace upswarm::seeder
