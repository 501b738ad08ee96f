// Refuses folders that somebody else could exchange under the installer's hands.
#pragma once

#include <cstdint>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// The user this program runs as.
std::uint32_t own_user();

/// Whether `folder` (it must exist) is safe to act in as root: it and every folder above belong to us or root, none is
/// a link, and none may be written by others (a sticky folder such as /tmp may be above, not be it).
/// Errors: denied  with the folder and what is wrong with it; not_found.
Result<void> check_private_folder(Files& files, const Path& folder);

/// The same of `folder` alone, where those above are known to be safe.
Result<void> check_private_alone(Files& files, const Path& folder);

/// Makes `folder` (0755) when it is missing, and checks it.
Result<void> prepare_private_folder(Files& files, const Path& folder);

}  // namespace upswarm::installer
