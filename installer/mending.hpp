// Making a damaged tree whole again, file by file.
#pragma once

#include <vector>

#include "installer/layout.hpp"
#include "installer/survey.hpp"

namespace upswarm::installer {

/// Which entries of `tree` must be unpacked beside it: the files that `survey` misses, with the folders above them.
/// Empty: none.
std::vector<bool> to_unpack(const Survey& survey, const package::Tree& tree);

/// Puts right what `survey` found in `folder`. The files of to_unpack() lie under `beside`, on the same file system,
/// verified and synced; they are taken away from there. Nothing of somebody else's is removed: what takes the place of
/// a folder or file of another type, and with `is_asked` what does not belong there, is moved to kAside/NUMBER beside
/// `beside`, under its path. What is mounted is left alone. What cannot be mended does not keep the rest from it.
///
/// After a power cut or an error inside, each file is the damaged one or the right one, and nothing is damaged that was
/// not; but where something of another type is in the way there may be nothing in its place. After success all of it
/// survives a power cut.
/// Errors: denied (reason unsafe_folder)  a folder belongs to another user, and what to run; as Files. Of several the
/// first, and how many.
Result<void> mend_tree(Files& files, const Path& folder, const package::Tree& tree, const Survey& survey,
                       const Path& beside, bool is_asked);

}  // namespace upswarm::installer
