#include <sys/utsname.h>
#include <unistd.h>

#include <string>

#include "installer/config.hpp"
#include "installer/guard.hpp"

namespace upswarm::installer {

std::string own_platform() {
  utsname names{};
  ::uname(&names);
  const std::string machine = names.machine;
  const std::string system = std::string(names.sysname) == "Darwin" ? "macos" : "linux";
  return system + (machine == "aarch64" || machine == "arm64" ? "-arm64" : "-x64");
}

std::uint32_t own_user() { return ::geteuid(); }

}  // namespace upswarm::installer
