// Names of roles as parts of URLs and file names.
#pragma once

#include <string>
#include <string_view>

namespace upswarm::trust {

/// RFC 3986: everything but unreserved characters as %XX. No name can become a path.
std::string percent_encode(std::string_view name);

}  // namespace upswarm::trust
