// Why archives stayed closed, as far as their old versions tell. A delta does not say it.
#pragma once

#include "protocol/base/files.hpp"
#include "seeder/publish/delta_explanation.hpp"

namespace upswarm::publish {

/// Says in `why` of each archive that was not opened which reason it was, by the file of the same path in the folder
/// `base`, if there is one: its streams cannot be made again, or they can, and opening saves nothing.
/// Errors: as Files.
Result<void> explain_closed_archives(Files& files, const Path& base, std::vector<FileOrigin>& origins);

}  // namespace upswarm::publish
