// A bundle folder (bundle.hpp) as it was found, looked through but not believed.
#pragma once

#include <map>
#include <string>

#include "seeder/bundle.hpp"

namespace upswarm::seeder {

inline constexpr std::size_t kMostBundleFiles = 20'000;

struct OfferedBundle {
  Path folder;
  Bundle bundle;
  std::map<std::string, std::string> metadata;  ///< "3.rel-app.json" -> bytes
  std::map<std::string, Bytes> targets;         ///< consistent name -> length

  Path target_file(const std::string& name) const { return folder / "targets" / name; }
};

/// Reads the metadata and lists the targets.
/// Errors: corrupt  bundle.json is missing or wrong, there is a file that belongs to no bundle, a link, a name that is
///                  not allowed, or too many files;
///         disk, denied, not_found  the folder cannot be read.
Result<OfferedBundle> read_offered_bundle(Files& files, const Path& folder);

/// Whether `path` ("bundle.json", "metadata/3.rel-app.json", "targets/...") may be in a bundle.   Errors: invalid.
Result<Path> parse_bundle_path(std::string_view path);

}  // namespace upswarm::seeder
