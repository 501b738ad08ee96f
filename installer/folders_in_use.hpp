// Which folders of releases processes still need: Linux, proc(5).
#pragma once

#include <set>
#include <string>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// The names below `versions` (absolute, without links) under which any process runs its program, has a file mapped, or
/// works. What cannot be looked into counts as using nothing.
std::set<std::string> folders_in_use(const Path& versions);

}  // namespace upswarm::installer
