// What is on offer, as tables of seeder.sqlite and as torrents to be seeded.
#pragma once

#include <vector>

#include "protocol/base/database.hpp"
#include "seeder/repository.hpp"
#include "seeder/torrent_file.hpp"

namespace upswarm::seeder {

/// A package with its torrent.
struct SeedFile {
  Path file;            ///< under its consistent name
  std::string path;     ///< of the target: "pkg/app/linux-x64/1.0.0/app-1.0.0.upk"
  std::string torrent;  ///< the bytes of the .torrent file
  TorrentFacts facts;
};

/// The packages of `view` whose .torrent is a target, too. One that cannot be used is logged and left out.
std::vector<SeedFile> list_seed_files(Files& files, const Path& repository, const RepositoryView& view);

/// Makes the tables targets and torrents say what `view` and `seeds` say. `database` must be this caller's alone.
Result<void> write_catalogue(Database& database, const RepositoryView& view, const std::vector<SeedFile>& seeds);

}  // namespace upswarm::seeder
