// pack, unpack, plan, diff, apply, inspect: packages by hand, without a repository. Thin over protocol/package.
//
// What is made appears under its name when it is whole: files and folders are made as NAME.part and renamed
// (making.hpp). What is there already is never replaced. A NAME.part that is there is in the way, but for unpack and
// apply with `resume`: they go on from the files in it that are whole, remove everything else in it, and leave it there
// when they are stopped. A second run with the same output is refused as long as the first goes on.
#pragma once

#include <stop_token>

#include "protocol/base/json.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "seeder/publish/making.hpp"

namespace upswarm::publish {

/// How a package command sees the world.
struct PackageWork {
  Files& files;
  package::ProgressSink progress;
  std::stop_token stop;
  Making* making = nullptr;  ///< for who ends the process in the midst of the work
};

// All return what was made, for people and scripts.
// Errors: denied, busy as Making::run; as write_package, write_delta, PackageReader and DeltaReader.
Result<Json> pack_folder(const PackageWork& work, const Path& folder, const Path& to,
                         const package::PackOptions& options = {});
Result<Json> unpack_package(const PackageWork& work, const Path& package, const Path& to, bool resume = false);
/// What a machine that has the folder `old` would fetch of a full package, and which chunks it lacks; each of these by
/// itself (as path, offset and size) where `names_chunks`.
Result<Json> plan_fetch(const PackageWork& work, const Path& old, const Path& package, bool names_chunks);
/// `from`, `to_tree` and `base` are folders or full packages; packages are unpacked beside the output meanwhile.
Result<Json> make_delta(const PackageWork& work, const Path& from, const Path& to_tree, const Path& to,
                        const package::DeltaOptions& options = {});
/// Says beside the tree what CPU time went into checking the base, into digests of what was made, and into the rest.
Result<Json> apply_delta(const PackageWork& work, const Path& base, const Path& delta, const Path& to,
                         bool resume = false);

struct InspectOptions {
  /// The folder or full package that a delta starts from: then it is told of each file how it comes, from what, what it
  /// costs, and why not more of it is copied. Without, the same of those that are made, but for old files' names.
  Path base;
  bool files = false;  ///< each entry of a full package, as `tree`
};

/// What a package or delta says about itself; which of the two it is, is found by reading it.
/// Errors: corrupt (reason "wrong_base"  the delta starts from something else); invalid  a base for a full package, or
/// the files of a delta without one.
Result<Json> inspect(Files& files, const Path& file, const InspectOptions& options = {});

}  // namespace upswarm::publish
