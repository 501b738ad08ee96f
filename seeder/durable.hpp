// Making what others wrote survive a power cut.
#pragma once

#include "protocol/base/files.hpp"

namespace upswarm::seeder {

/// After success the content of an existing regular file survives a power cut, whoever wrote it.   Errors: disk, ...
Result<void> sync_file(const Path& path);

/// The id of this process, for people.
std::int64_t process_id();

}  // namespace upswarm::seeder
