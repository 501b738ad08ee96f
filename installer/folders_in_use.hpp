// Which folders of releases processes still need: Linux, proc(5).
#pragma once

#include <chrono>
#include <map>
#include <stop_token>
#include <string>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// The names below `versions` (absolute, without links) under which any process runs its program, has a file mapped, or
/// works, each with the first one found, for people: "process 12, account 1000". What cannot be looked into counts as
/// using nothing. Errors: busy  not all were looked at within `most`; denied  the system does not tell; cancelled.
Result<std::map<std::string, std::string>> folders_in_use(const Path& versions, std::chrono::milliseconds most,
                                                          const std::stop_token& stop);

}  // namespace upswarm::installer
