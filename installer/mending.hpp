// Making a damaged tree whole again, file by file.
#pragma once

#include <vector>

#include "installer/survey.hpp"

namespace upswarm::installer {

/// Which entries of `tree` must be unpacked beside it: the files that `survey` misses, with the folders above them.
/// Empty: none.
std::vector<bool> to_unpack(const Survey& survey, const package::Tree& tree);

/// Puts right all that `survey` found in `folder`. The files of to_unpack() lie under `beside`, on the same file
/// system, verified and synced; they are taken away from there. After a power cut or an error inside, each file is the
/// damaged one or the right one, and nothing is damaged that was not; but where something of another type is in the way
/// there may be nothing in its place. After success all of it survives a power cut.
/// Errors: as Files.
Result<void> mend_tree(Files& files, const Path& folder, const package::Tree& tree, const Survey& survey,
                       const Path& beside);

}  // namespace upswarm::installer
