// The files of one release: full package, deltas, torrents.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/package/encode/package_writer.hpp"
#include "protocol/trust/metadata.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::publish {

/// A delta that is longer than this part of the full package is not worth its bytes.
inline constexpr std::uint64_t kLargestDeltaPercent = 70;

struct ReleaseName {
  std::string product;
  std::string version;
  std::string platform;
  bool is_nightly = false;  ///< signed by pre-PRODUCT, for machines that opted in

  /// "app-1.2.0.upk". `+` becomes `_` in file names and paths.
  std::string full_file() const;
  /// "app-1.1.0-to-1.2.0.upd"; a short name made from digests where that would be too long for a path.
  std::string delta_file(const std::string& from) const;
  /// "pkg/app/linux-x64/1.2.0/FILE"; of a nightly build "pre/app/..."
  std::string target_path(const std::string& file) const;
  /// Where the files are kept below releases/: "app/linux-x64/1.2.0", of a nightly build "app/linux-x64/1.2.0~pre".
  Path kept_in() const;
};

/// Product and platform are names, the version SemVer, all of it short enough for a path.   Errors: invalid.
Result<void> check_release_name(const ReleaseName& name);

/// An earlier release to start a delta from.
struct DeltaBase {
  std::string version;
  Sha256 content;
  Sha256 index_digest;
  Path package;  ///< its .upk
};

/// Why a delta was not made, for people.
struct DeltaNote {
  std::string from;
  std::string why;
};

struct MadePackages {
  trust::PackageFile full;
  Bytes index_length;
  Sha256 index_digest;
  Sha256 content;
  std::vector<trust::DeltaFile> deltas;
  std::map<std::string, trust::TargetFile> targets;  ///< packages and torrents by target path
  std::vector<DeltaNote> notes;
};

/// Packs `folder` into the new folder `to`, with deltas from `bases`, whose trees are unpacked below `scratch`.
/// Errors: invalid  `folder` changed meanwhile; as write_package, PackageReader::unpack, make_torrent.
Result<MadePackages> make_packages(Files& files, const ReleaseName& name, const Path& folder, const Path& to,
                                   const std::vector<DeltaBase>& bases, const Path& scratch,
                                   const package::ProgressSink& progress, std::stop_token stop);

}  // namespace upswarm::publish
