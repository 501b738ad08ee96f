// What a program that failed leaves for a report.
#pragma once

#include <string>

#include "protocol/base/process.hpp"

namespace upswarm::installer {

/// "exit code 7; its last words: ...", at most the last 2000 bytes of its output.
std::string last_words(const ProcessOutcome& outcome);

/// Where the installer's own tools, and programs of releases, look for others.
inline constexpr const char* kSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace upswarm::installer
