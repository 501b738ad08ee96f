#include "seeder/publish/public_key_file.hpp"

#include "protocol/base/hex.hpp"
#include "protocol/trust/release_index.hpp"
#include "seeder/publish/key_ring.hpp"

namespace upswarm::publish {
namespace {

constexpr const char* kType = "upswarm-public-key";
constexpr const char* kKind = "ed25519";
constexpr std::size_t kKeyDigits = 64;

}  // namespace

std::string write_public_key(const trust::PublicKey& key, const std::string& role) {
  return to_text(Json{{"format", 1},
                      {"type", kType},
                      {"role", role},
                      {"key_id", trust::id_of(key)},
                      {"public", key.public_text}},
                 1) +
         "\n";
}

Result<PublicKeyFile> read_public_key(std::string_view text, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = kLongestPublicKey, .deepest = 2}));
  ObjectReader in(json, what);
  in.integer("format", 1, 1);
  if (in.text("type", 40) != kType) in.fail("type", std::string("\"") + kType + "\" is wanted here");
  PublicKeyFile file{.role = in.text("role", trust::kLongestRoleName),
                     .key_id = in.text("key_id", kKeyDigits),
                     .key = {kKind, kKind, in.text("public", kKeyDigits)}};
  if (in.good() && (file.key.public_text.size() != kKeyDigits || !from_hex(file.key.public_text)))
    in.fail("public", "64 lower-case hexadecimal digits are wanted");
  if (in.good() && file.key_id != trust::id_of(file.key)) in.fail("key_id", "it is not the id of this key");
  UPSWARM_CHECK(in.finish());
  return file;
}

Result<void> check_offline_role(const std::string& role) {
  if (role == "root" || role == "targets") return {};
  if ((role.starts_with("rel-") || role.starts_with("pre-")) && trust::parse_name(role.substr(4))) return {};
  return Error{ErrorKind::invalid, "take the role " + role,
               "people hold keys of root, targets, rel-PRODUCT and pre-PRODUCT; the seeder's own (timestamp, snapshot, "
               "rollout) are changed by `keys rotate`",
               "role"};
}

Result<trust::SigningKey> write_new_key(Files& files, const Path& folder, const std::string& role,
                                        const std::string& name, const std::string& passphrase,
                                        const KeyStrength& strength) {
  UPSWARM_CHECK(check_offline_role(role));
  UPSWARM_CHECK(trust::parse_name(name));
  const auto secret = folder / key_file_name(role, name);
  const auto half = folder / (role + "-" + name + ".pub.json");
  for (const auto& path : {secret, half}) {
    UPSWARM_TRY(const auto taken, exists(files, path));
    if (taken) return Error{ErrorKind::denied, "make a key", path.string() + " is there already", "exists"};
  }
  auto key = trust::SigningKey::generate();
  UPSWARM_TRY(const auto text, lock_key(key, role, passphrase, strength));
  UPSWARM_CHECK(write_file_atomically(files, secret, text, 0600));
  UPSWARM_CHECK(write_file_atomically(files, half, write_public_key(key.public_key(), role)));
  return key;
}

}  // namespace upswarm::publish
