#include <sodium.h>

#include <algorithm>
#include <limits>

#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "seeder/publish/key_file.hpp"

namespace upswarm::publish {
namespace {

constexpr std::size_t kBoxLength =
    crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + trust::SigningKey::kSeedLength;

/// Bytes that are wiped at the end.
struct Secret {
  ByteBuffer bytes;

  explicit Secret(std::size_t count) : bytes(count) {}
  explicit Secret(ByteBuffer taken) : bytes(std::move(taken)) {}
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) = delete;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { sodium_memzero(bytes.data(), bytes.size()); }
};

unsigned char* raw(ByteBuffer& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }           // NOLINT
const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }  // NOLINT

struct KeyFile {
  KeyFileInfo info;
  std::string public_text;
  KeyStrength strength;
  ByteBuffer salt;
  ByteBuffer box;
};

/// The bounds keep an altered file from asking for all memory, or for years.
Result<KeyFile> read_key_file(std::string_view text, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = kLongestKeyFile, .deepest = 3}));
  ObjectReader in(json, what);
  in.integer("format", 1, 1);
  KeyFile file;
  file.info = {in.text("role", 100), in.text("key_id", 64)};
  file.public_text = in.text("public", 64);
  file.box = in.parsed("box", from_base64).value_or(ByteBuffer{});
  if (in.good() && file.box.size() != kBoxLength) in.fail("box", "its length is wrong");
  auto kdf = in.inside(in.object("kdf"), "kdf");
  UPSWARM_CHECK(in.finish());
  if (kdf.text("name", 20) != "argon2id") kdf.fail("name", "only argon2id is known");
  file.strength.passes = static_cast<std::uint64_t>(kdf.integer("ops", crypto_pwhash_argon2id_OPSLIMIT_MIN, 16));
  file.strength.memory = Bytes{static_cast<std::uint64_t>(
      kdf.integer("mem", crypto_pwhash_argon2id_MEMLIMIT_MIN, static_cast<std::int64_t>((2_GiB).count)))};
  file.salt = kdf.parsed("salt", from_hex).value_or(ByteBuffer{});
  if (kdf.good() && file.salt.size() != crypto_pwhash_argon2id_SALTBYTES) kdf.fail("salt", "its length is wrong");
  UPSWARM_CHECK(kdf.finish());
  return file;
}

Result<Secret> derive(std::string_view passphrase, const KeyStrength& strength, ByteView salt) {
  if (sodium_init() < 0) return Error{ErrorKind::internal, "start libsodium", "it did not"};
  Secret key(crypto_secretbox_KEYBYTES);
  if (crypto_pwhash_argon2id(raw(key.bytes), key.bytes.size(), passphrase.data(), passphrase.size(), raw(salt),
                             strength.passes, strength.memory.count, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return Error{ErrorKind::internal, "make a key from the passphrase",
                 "that needs " + to_string(strength.memory) + " of free memory", "memory"};
  }
  return key;
}

}  // namespace

KeyStrength moderate_strength() {
  return {crypto_pwhash_argon2id_OPSLIMIT_MODERATE, Bytes{crypto_pwhash_argon2id_MEMLIMIT_MODERATE}};
}

KeyStrength least_strength() {
  return {crypto_pwhash_argon2id_OPSLIMIT_MIN, Bytes{crypto_pwhash_argon2id_MEMLIMIT_MIN}};
}

Result<KeyFileInfo> read_key_file_info(std::string_view text, const std::string& what) {
  UPSWARM_TRY(auto file, read_key_file(text, what));
  return std::move(file.info);
}

Result<std::string> lock_key(const trust::SigningKey& key, const std::string& role, std::string_view passphrase,
                             const KeyStrength& strength) {
  const auto least = least_strength();
  if (strength.passes < least.passes || strength.memory < least.memory) {
    return Error{ErrorKind::invalid, "encrypt the key of " + role, "weaker than the least that libsodium allows"};
  }
  const auto salt = random_bytes(crypto_pwhash_argon2id_SALTBYTES);
  UPSWARM_TRY(const auto box_key, derive(passphrase, strength, salt));
  const Secret seed(key.seed());
  auto box = random_bytes(crypto_secretbox_NONCEBYTES);
  box.resize(kBoxLength);
  crypto_secretbox_easy(raw(box) + crypto_secretbox_NONCEBYTES, raw(ByteView(seed.bytes)), seed.bytes.size(), raw(box),
                        raw(ByteView(box_key.bytes)));
  return Json{
             {"format", 1},
             {"role", role},
             {"key_id", key.id()},
             {"public", key.public_key().public_text},
             {"kdf",
              {{"name", "argon2id"}, {"ops", strength.passes}, {"mem", strength.memory.count}, {"salt", to_hex(salt)}}},
             {"box", to_base64(box)}}
             .dump(1) +
         "\n";
}

Result<trust::SigningKey> unlock_key(std::string_view text, const std::string& what, std::string_view passphrase) {
  UPSWARM_TRY(auto file, read_key_file(text, what));
  UPSWARM_TRY(const auto box_key, derive(passphrase, file.strength, file.salt));
  Secret seed(trust::SigningKey::kSeedLength);
  const ByteView sealed = ByteView(file.box).subspan(crypto_secretbox_NONCEBYTES);
  if (crypto_secretbox_open_easy(raw(seed.bytes), raw(sealed), sealed.size(), raw(file.box),
                                 raw(ByteView(box_key.bytes))) != 0) {
    return Error{ErrorKind::denied, "unlock " + what, "wrong passphrase (or the file was altered)", "passphrase"};
  }
  UPSWARM_TRY(auto key, trust::SigningKey::from_seed(seed.bytes));
  if (key.id() != file.info.key_id || key.public_key().public_text != file.public_text) {
    return Error{ErrorKind::corrupt, "unlock " + what, "the key inside is not the one that the file names"};
  }
  return key;
}

std::string write_online_key(const trust::SigningKey& key) {
  const Secret seed(key.seed());
  return Json{{"format", 1}, {"type", "ed25519"}, {"seed", to_hex(seed.bytes)}}.dump(1) + "\n";
}

}  // namespace upswarm::publish
