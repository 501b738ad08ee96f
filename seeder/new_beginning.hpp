// Roles that begin anew, after a thief of their keys published here.
//
// What he signed may have a version, floor and counters that the owner's next file does not reach. The offline targets
// role ends that: it names other keys for the role and raises its epoch, so that every counter of the owner's is above
// all of his. What is served of the role counts for nothing then, and what follows it need not continue it: indexes
// begin as if there had been none, and where clients forget the versions that they saw, by the same bundle, its version
// may be lower.
#pragma once

#include <string>

#include "seeder/repository.hpp"

namespace upswarm::seeder {

/// Whether `role` begins anew in `view`: by its targets the file that `base` serves has too few good signatures, and
/// the role's epoch is higher than in `base`. Never for targets itself.
bool begins_anew(const RepositoryView& base, const RepositoryView& view, const std::string& role);

/// Whether clients forget the versions that they saw on their way from the newest root of `base` to that of `view`: one
/// of the roots in between names other keys for snapshot or timestamp (TUF 5.3.11).
/// Errors: corrupt  a root cannot be read.
Result<bool> forgets_versions(const RepositoryView& base, const RepositoryView& view);

}  // namespace upswarm::seeder
