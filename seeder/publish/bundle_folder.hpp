// Writing a bundle (seeder/bundle.hpp) as a folder.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/files.hpp"
#include "seeder/bundle.hpp"

namespace upswarm::publish {

/// What goes into one bundle.
struct BundleParts {
  std::string name;  ///< without the number that a repository puts before it
  std::vector<std::pair<std::string, std::string>> metadata = {};  ///< "3.rel-app.json" -> bytes
  std::map<std::string, std::string> small_targets = {};           ///< consistent name -> bytes: the indexes
  std::map<std::string, Path> packages = {};                       ///< consistent name -> a file to be linked or copied
  std::vector<seeder::RolloutWish> rollouts = {};
};

/// Writes the bundle as the new folder `to` and syncs it. On an error `to` may be half there.   Errors: as Files.
Result<void> write_bundle_folder(Files& files, const Path& to, const BundleParts& parts);

/// The paths of all files in a bundle, relative, `/` between parts, sorted, bundle.json last.
Result<std::vector<std::string>> list_bundle(Files& files, const Path& bundle);

/// Letters, digits, `.`, `_` and `-` as they are, all else as `_`. No two versions become the same: SemVer has no `_`.
std::string safe_part(std::string_view text);

/// "pkg/app/linux-x64/1.0.0/<sha256>.app-1.0.0.upk": how a repository with consistent snapshots names a target.
std::string consistent_name(const std::string& path, const Sha256& digest);

}  // namespace upswarm::publish
