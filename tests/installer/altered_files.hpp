// Files as somebody else would have left them, which a test without his rights cannot make.
#pragma once

#include <map>

#include "tests/support/stopping_files.hpp"

namespace upswarm::installer {

/// Says of the paths in the maps what is in them; else what `real` says.
class AlteredFiles final : public tests::StoppingFiles {
 public:
  using StoppingFiles::StoppingFiles;

  Result<FileInfo> info(const Path& path) override {
    auto info = StoppingFiles::info(path);
    if (!info) return info;
    if (const auto found = owners.find(path); found != owners.end()) info->owner = found->second;
    for (const auto& [top, device] : devices)
      if ((path.string() + "/").starts_with(top.string() + "/")) info->device = device;
    return info;
  }
  Result<std::vector<std::string>> list(const Path& folder) override {
    if (folder == unreadable) return Error{ErrorKind::disk, "list " + folder.string(), "Input/output error"};
    return StoppingFiles::list(folder);
  }
  Result<void> rename(const Path& from, const Path& to) override {
    if (from == stuck || to == stuck) return Error{ErrorKind::denied, "rename to " + to.string(), "not permitted"};
    return StoppingFiles::rename(from, to);
  }

  std::map<Path, std::uint32_t> owners;
  std::map<Path, std::uint32_t> devices;  ///< of all below
  Path unreadable;
  Path stuck;  ///< as after chattr +i
};

}  // namespace upswarm::installer
