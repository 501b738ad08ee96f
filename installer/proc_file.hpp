// Files that the kernel writes while they are read: their size says nothing.
#pragma once

#include <string>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// The whole of a file under /proc.   Errors: as Files::open; corrupt (too_long)  more than `longest`.
Result<std::string> read_proc_file(Files& files, const Path& path, Bytes longest);

}  // namespace upswarm::installer
