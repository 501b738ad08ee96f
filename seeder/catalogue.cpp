#include "seeder/catalogue.hpp"

#include "protocol/base/log.hpp"

namespace upswarm::seeder {
namespace {

Result<SeedFile> read_seed_file(Files& files, const Path& targets, const std::string& path,
                                const trust::Targets& content) {
  const auto package = content.targets.find(path);
  const auto torrent = content.targets.find(path + ".torrent");
  if (torrent->second.length > trust::kLongestTorrent)
    return Error{ErrorKind::corrupt, "read " + torrent->first, "too long", "too_long"};
  const auto place = [&](const auto& target) {
    return targets / trust::TrustedTarget{target.first, target.second, ""}.consistent_name();
  };
  SeedFile seed{.file = place(*package), .path = path, .torrent = {}, .facts = {}};
  UPSWARM_TRY(seed.torrent, read_file(files, place(*torrent), trust::kLongestTorrent));
  UPSWARM_TRY(seed.facts, read_torrent(seed.torrent, torrent->first));
  UPSWARM_TRY(const auto info, files.info(seed.file));
  if (info.size != package->second.length || info.size != seed.facts.length) {
    return Error{ErrorKind::corrupt, "look at " + seed.file.string(), "its length is not the signed one"};
  }
  return seed;
}

}  // namespace

std::vector<SeedFile> list_seed_files(Files& files, const Path& repository, const RepositoryView& view) {
  std::vector<SeedFile> seeds;
  for (const auto& [role, file] : view.roles) {
    for (const auto& [path, target] : file.content.targets) {
      if (!is_package(path) || !file.content.targets.contains(path + ".torrent")) continue;
      auto seed = read_seed_file(files, repository / "targets", path, file.content);
      if (seed) seeds.push_back(std::move(*seed));
      else log::error("a package is not seeded", {{"path", path}, {"why", seed.error().message()}});
    }
  }
  return seeds;
}

Result<void> write_catalogue(Database& database, const RepositoryView& view, const std::vector<SeedFile>& seeds) {
  return database.transact([&]() -> Result<void> {
    UPSWARM_CHECK(database.run("DELETE FROM targets"));
    UPSWARM_CHECK(database.run("DELETE FROM torrents"));
    for (const auto& [role, file] : view.roles) {
      for (const auto& [path, target] : file.content.targets) {
        UPSWARM_CHECK(database.run("INSERT OR REPLACE INTO targets (path, role, length, sha256) VALUES (?, ?, ?, ?)",
                                   {path, role, static_cast<std::int64_t>(target.length.count), target.sha256.hex()}));
      }
    }
    for (const auto& seed : seeds) {
      UPSWARM_CHECK(
          database.run("INSERT OR REPLACE INTO torrents (info_hash, path, length, piece_length) VALUES (?, ?, ?, ?)",
                       {seed.facts.info_hash, seed.path, static_cast<std::int64_t>(seed.facts.length.count),
                        static_cast<std::int64_t>(seed.facts.piece_length.count)}));
    }
    return {};
  });
}

}  // namespace upswarm::seeder
