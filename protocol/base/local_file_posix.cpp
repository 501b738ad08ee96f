#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>

#include "protocol/base/local_file.hpp"

namespace upswarm {
namespace {

constexpr const char* kDoing = "take the file that came along";

// Not in every linux/magic.h.
constexpr std::uint32_t kXfs = 0x58465342;
constexpr std::uint32_t kZfs = 0x2fc12fc1;
constexpr std::uint32_t kBcachefs = 0xca451a4e;
constexpr std::uint32_t kJfs = 0x3153464a;
constexpr std::uint32_t kPipe = 0x50495045;
constexpr std::uint32_t kSocket = 0x534f434b;

constexpr std::array<std::uint32_t, 8> kLocal{EXT4_SUPER_MAGIC, kXfs, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, kZfs,
                                              kBcachefs,        kJfs, TMPFS_MAGIC};

/// Whether a mount that this program sees is an overlay with this device number.
bool is_overlay_here(dev_t device) {
  const auto number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::ifstream mounts("/proc/self/mountinfo");  // proc(5): id, parent, major:minor, ... - type, source, options
  for (std::string line; std::getline(mounts, line);) {
    const auto third = line.find(' ', line.find(' ') + 1) + 1;
    const auto type = line.find(" - ");
    if (type != std::string::npos && line.compare(type + 3, 8, "overlay ") == 0 &&
        line.compare(third, number.size() + 1, number + " ") == 0)
      return true;
  }
  return false;
}

Error failure(const char* cause) {
  return {ErrorKind::disk, kDoing, std::string(cause) + ": " + std::generic_category().message(errno)};
}

}  // namespace

Result<void> check_local_file(std::intptr_t descriptor) {
  const auto number = static_cast<int>(descriptor);
  const Error elsewhere{ErrorKind::denied, kDoing, "it does not lie on a disk of this machine", "not_local"};
  // First: what is known to be local answers all that follows.
  struct statfs system {};
  if (::fstatfs(number, &system) != 0) return failure("ask for its file system");
  const auto type = static_cast<std::uint32_t>(system.f_type);
  const bool is_overlay = type == OVERLAYFS_SUPER_MAGIC;
  const bool is_local = std::ranges::find(kLocal, type) != kLocal.end();
  if (!is_local && !is_overlay && type != kPipe && type != kSocket) return elsewhere;
  struct stat status {};
  if (::fstat(number, &status) != 0) return failure("look at it");
  if (!S_ISREG(status.st_mode)) return Error{ErrorKind::denied, kDoing, "it is no regular file", "no_regular_file"};
  if (is_overlay && !is_overlay_here(status.st_dev)) return elsewhere;
  return {};
}

}  // namespace upswarm
