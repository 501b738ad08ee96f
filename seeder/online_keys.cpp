#include "seeder/online_keys.hpp"

#include "protocol/base/hex.hpp"

namespace upswarm::seeder {
namespace {

constexpr Bytes kLongestKey = 4_KiB;
constexpr std::uint32_t kOthers = 0077;

Error unusable(const Path& file, std::string cause) {
  return {ErrorKind::denied, "read the online key " + file.string(), std::move(cause), "online_key"};
}

Result<trust::SigningKey> read_key(Files& files, const Path& file) {
  const auto info = files.info(file);
  if (!info) {
    if (info.error().kind != ErrorKind::not_found) return info.error();
    return unusable(file, "it is not there; `upswarm-publish init` makes it, put it here");
  }
  if ((info->mode & kOthers) != 0) return unusable(file, "others may read it: chmod 600 it, or make new keys");
  UPSWARM_TRY(const auto text, read_file(files, file, kLongestKey));
  const auto json = parse_json(text, file.string(), {.longest = kLongestKey, .deepest = 2});
  if (!json) return unusable(file, json.error().message());
  ObjectReader in(*json, file.string());
  in.integer("format", 1, 1);
  if (in.text("type") != "ed25519") in.fail("type", "only ed25519 is known");
  const auto seed = in.parsed("seed", from_hex);
  if (const auto end = in.finish(); !end) return unusable(file, end.error().message());
  auto key = trust::SigningKey::from_seed(*seed);
  if (!key) return unusable(file, key.error().message());
  return key;
}

}  // namespace

Result<OnlineKeys> read_online_keys(Files& files, const Path& folder) {
  UPSWARM_TRY(auto timestamp, read_key(files, folder / "timestamp.key"));
  UPSWARM_TRY(auto snapshot, read_key(files, folder / "snapshot.key"));
  UPSWARM_TRY(auto rollout, read_key(files, folder / "rollout.key"));
  return OnlineKeys{std::move(timestamp), std::move(snapshot), std::move(rollout)};
}

}  // namespace upswarm::seeder
