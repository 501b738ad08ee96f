#include "agent/machine_key.hpp"

#include "protocol/base/hex.hpp"
#include "protocol/base/json.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kName = "machine.key";
constexpr Bytes kLongestKey = 1_KiB;
constexpr std::uint32_t kOwnerOnly = 0600;
constexpr std::uint32_t kOthers = 0077;

Error unusable(const Path& file, const std::string& why, const std::string& remedy) {
  return {ErrorKind::denied, "read the machine's key " + file.string(), why + ": " + remedy, "machine_key"};
}

Result<trust::SigningKey> parse_key_file(const std::string& text) {
  UPSWARM_TRY(const auto json, parse_json(text, kName, {.longest = kLongestKey, .deepest = 2}));
  ObjectReader in(json, kName);
  in.integer("format", 1, 1);
  if (in.text("type") != "ed25519") in.fail("type", "only ed25519 is known");
  const auto seed = in.parsed("seed", from_hex);
  UPSWARM_CHECK(in.finish());
  return trust::SigningKey::from_seed(*seed);
}

Result<trust::SigningKey> make_key(Files& files, const Path& file) {
  auto key = trust::SigningKey::generate();
  const Json json{{"format", 1}, {"type", "ed25519"}, {"seed", to_hex(key.seed())}};
  UPSWARM_CHECK(write_file_atomically(files, file, to_text(json) + "\n", kOwnerOnly));
  return key;
}

}  // namespace

Result<trust::SigningKey> open_machine_key(Files& files, const Path& folder) {
  const auto file = folder / kName;
  const auto info = files.info(file);
  if (!info && info.error().kind == ErrorKind::not_found) return make_key(files, file);
  if (!info) return info.error();
  if (info->type != FileType::regular) return unusable(file, "it is no regular file", "remove it");
  if (mode_bits(*info, kOthers) != 0) return unusable(file, "others may read it", "chmod 600 it");
  const auto text = read_file(files, file, kLongestKey);
  if (!text && text.error().kind != ErrorKind::corrupt) return text.error();
  auto key = text ? parse_key_file(*text) : Result<trust::SigningKey>(text.error());
  if (key) return key;
  return unusable(file, "it is damaged",
                  "put back a copy, or remove it and let `upswarm-seeder machines forget` make room for a new one");
}

}  // namespace upswarm::agent
