#include <malloc.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <string>

#include "installer/config.hpp"
#include "installer/guard.hpp"
#include "installer/memory.hpp"

namespace upswarm::installer {

std::string own_platform() {
  utsname names{};
  ::uname(&names);
  const std::string machine = names.machine;
  const std::string system = std::string(names.sysname) == "Darwin" ? "macos" : "linux";
  return system + (machine == "aarch64" || machine == "arm64" ? "-arm64" : "-x64");
}

std::uint32_t own_user() { return ::geteuid(); }

void give_memory_back() {
  constexpr int kLarge = 1024 * 1024;  // frames of packages are smaller, and many
  constexpr int kMostArenas = 2;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);  // setting it keeps glibc from raising it
  ::mallopt(M_ARENA_MAX, kMostArenas);
}

}  // namespace upswarm::installer
