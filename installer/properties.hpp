// What `systemctl show` prints.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace upswarm::installer {

/// "NAME=VALUE" lines; other lines are left out, of a name that stands there twice the last counts.
std::map<std::string, std::string> read_properties(std::string_view text);

/// 0 where `text` does not begin with a number.
std::int64_t number_of(const std::string& text);

}  // namespace upswarm::installer
