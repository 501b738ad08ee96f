// What `systemctl show` prints.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace upswarm::installer {

/// "NAME=VALUE" lines; other lines are left out, of a name that stands there twice the last counts.
std::map<std::string, std::string> read_properties(std::string_view text);

}  // namespace upswarm::installer
