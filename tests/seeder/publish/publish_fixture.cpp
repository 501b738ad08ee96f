#include "tests/seeder/publish/publish_fixture.hpp"

#include <random>

#include "protocol/base/hex.hpp"

namespace upswarm::tests {

using publish::Repository;

std::map<std::string, std::string> snapshot_of(const Path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto name = entry.path().lexically_relative(folder).string();
    found[name] = entry.is_regular_file() ? must(read_file(unsynced_files(), entry.path(), 64_MiB)) : "";
  }
  return found;
}

std::stop_token already_stopped() {
  const auto source = std::make_unique<std::stop_source>();
  source->request_stop();
  return source->get_token();
}

PublishTest::PublishTest() : folder(top / "repository") {}

void PublishTest::init(publish::NewRepository wanted) {
  wanted.strength = publish::least_strength();
  must(publish::make_repository(unsynced_files(), folder, wanted, clock,
                                [] { return Result<std::string>(kPassphrase); }));
}

Repository PublishTest::open(Repository::Access access) const {
  return must(Repository::open(unsynced_files(), folder, access));
}

publish::KeyRing PublishTest::keys(std::string passphrase) const {
  return {unsynced_files(), folder / "keys", [passphrase] { return Result<std::string>(passphrase); }};
}

Path PublishTest::tree(const std::string& name, unsigned seed, const std::map<std::string, std::string>& more) const {
  std::mt19937 random(seed);
  std::string noise(200'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random() & 0xFFU);
  std::map<std::string, std::string> content{
      {"bin/check", "#!/bin/sh\nexit 0\n"}, {"share/noise", noise}, {"share/text", std::string(5000, 'x')}};
  for (const auto& [path, bytes] : more) content[path] = bytes;
  for (const auto& [path, bytes] : content) top.write(name + "/" + path, bytes, path.starts_with("bin/") ? 0755 : 0644);
  return top / name;
}

Path PublishTest::recipe(const std::string& text) const {
  top.write("release.toml", text);
  return top / "release.toml";
}

publish::ReleaseRequest PublishTest::request(const std::string& version, const Path& from,
                                             const std::string& channel) const {
  return {.folder = from,
          .name = {.product = "app", .version = version, .platform = "linux-x64"},
          .channel = channel,
          .recipe = recipe(),
          .permille = 1000};
}

Result<publish::ReleaseReport> PublishTest::try_release(const publish::ReleaseRequest& wanted, Files& files,
                                                        std::stop_token stop) const {
  UPSWARM_TRY(auto repository, Repository::open(files, folder, Repository::Access::writing));
  auto ring = keys();
  return publish::make_release(files, repository, wanted, clock, ring, {}, std::move(stop));
}

publish::ReleaseReport PublishTest::release(const std::string& version, const Path& from,
                                            const std::string& channel) const {
  return must(try_release(request(version, from, channel)));
}

trust::SigningKey Served::online_key(const std::string& role) const {
  const auto text = must(read_file(unsynced_files(), repository_ / "online-keys" / (role + ".key"), 1_KiB));
  const auto json = must(parse_json(text, role));
  return must(trust::SigningKey::from_seed(must(from_hex(json.at("seed").get<std::string>()))));
}

void Served::take(const Path& bundle) {
  for (const auto& [name, bytes] : snapshot_of(bundle / "metadata")) metadata_files[name] = bytes;
  for (const auto& [name, bytes] : snapshot_of(bundle / "targets")) {
    if (!bytes.empty()) target_files[name] = bytes;
  }
  trust::Snapshot snapshot{.version = ++version_, .expires = clock_.now() + std::chrono::days(7), .meta = {}};
  for (const auto& [name, bytes] : metadata_files) {
    const auto role = name.substr(name.find('.') + 1);
    if (role == "root.json" || role == "snapshot.json" || name == "timestamp.json") continue;
    auto& meta = snapshot.meta[role];
    meta.version = std::max<trust::RoleVersion>(meta.version, std::stoll(name));
  }
  const auto snapshot_key = online_key("snapshot");
  const auto sealed = trust::seal(to_json(snapshot), {&snapshot_key});
  metadata_files[std::to_string(version_) + ".snapshot.json"] = sealed;
  const auto timestamp_key = online_key("timestamp");
  const trust::Timestamp timestamp{
      .version = version_,
      .expires = clock_.now() + std::chrono::days(1),
      .snapshot = {.version = version_, .length = Bytes{sealed.size()}, .sha256 = sha256(sealed)}};
  metadata_files["timestamp.json"] = trust::seal(to_json(timestamp), {&timestamp_key});
}

Result<std::string> Served::metadata(const std::string& name, Bytes /*longest*/) {
  const auto found = metadata_files.find(name);
  if (found == metadata_files.end()) return Error{ErrorKind::not_found, "serve " + name, "it is not there"};
  return found->second;
}

Result<std::string> Served::target(const std::string& name, Bytes /*longest*/) {
  const auto found = target_files.find(name);
  if (found == target_files.end()) return Error{ErrorKind::not_found, "serve " + name, "it is not there"};
  return found->second;
}

Follower::Follower(const Path& store_folder, const Path& repository, Served& served, const Clock& clock)
    : store(must(trust::TrustStore::open(unsynced_files(), store_folder))),
      client(store, served, trust::ed25519_verifier(), clock) {
  const auto root = must(read_file(unsynced_files(), repository / "metadata/1.root.json", trust::kLongestRoot));
  must(store.place_first_root(root, trust::ed25519_verifier()));
}

}  // namespace upswarm::tests
