// Giving a seeder everything that is current, for one that was lost or put back from a backup.
#pragma once

#include "seeder/publish/hand_over.hpp"

namespace upswarm::publish {

/// Makes one bundle of all current metadata and of every file that it signs, hands it over, and with it what bundles
/// that still waited asked for rollouts. No other rollouts are in it: those of the seeder stay, and a release without
/// one is held until it gets one. Returns the bundle's name. `repository` must be open for writing, and be opened anew
/// after it.
/// Errors: not_found  a package is no longer in releases/: told by its path
///         invalid    more files than a bundle may hold
///         as Repository::commit, Destination::give. Then all bundles still wait.
Result<std::string> hand_over_everything(Files& files, Repository& repository, Destination& destination,
                                         const package::ProgressSink& progress, std::stop_token stop);

}  // namespace upswarm::publish
