#include <string>

#include "installer/config.hpp"
#include "installer/guard.hpp"

namespace upswarm::installer {

std::string own_platform() { return "windows-x64"; }

// Owners are security identifiers there; Files gives 0 for all of them.
std::uint32_t own_user() { return 0; }

}  // namespace upswarm::installer
