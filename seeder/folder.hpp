// Where the seeder keeps what.
//
//   repository/metadata/   N.root.json, N.targets.json, N.rel-P.json, N.rollout.json, N.snapshot.json, timestamp.json
//   repository/targets/    packages, torrents, indexes and filters under their consistent names
//   incoming/NAME/         bundles of the publisher; NAME.part is still being written
//   rejected/NAME/         refused bundles, each with a reason.txt
//   uploads/NAME/          bundles coming over HTTP; NAME.commit is being taken in
//   keys/                  timestamp.key, snapshot.key, rollout.key
//   check-store/           what a client that follows this repository trusts
//   tls/                   certificate.pem, key.pem
//   seeder.sqlite  lock  listening.json
#pragma once

#include "protocol/base/files.hpp"

namespace upswarm::seeder {

struct SeederFolder {
  Path root;

  Path repository() const { return root / "repository"; }
  Path metadata() const { return repository() / "metadata"; }
  Path targets() const { return repository() / "targets"; }
  Path incoming() const { return root / "incoming"; }
  Path rejected() const { return root / "rejected"; }
  Path uploads() const { return root / "uploads"; }
  Path keys() const { return root / "keys"; }
  Path check_store() const { return root / "check-store"; }
  Path tls() const { return root / "tls"; }
  Path database() const { return root / "seeder.sqlite"; }
  Path lock() const { return root / "lock"; }
  /// Which ports are in use, for people and tests: {"port": 8443, "bittorrent_port": 6969, "tls": true, "process": 17}.
  Path listening() const { return root / "listening.json"; }
};

/// Makes the folders that are missing. keys/, uploads/ and tls/ are for their owner alone.
inline Result<void> make_seeder_folder(Files& files, const SeederFolder& folder) {
  for (const auto& path :
       {folder.metadata(), folder.targets(), folder.incoming(), folder.rejected(), folder.check_store()}) {
    UPSWARM_CHECK(make_folders(files, path));
  }
  for (const auto& path : {folder.keys(), folder.uploads(), folder.tls()})
    UPSWARM_CHECK(make_folders(files, path, 0700));
  return {};
}

}  // namespace upswarm::seeder
