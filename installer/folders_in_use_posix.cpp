#include "installer/folders_in_use.hpp"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>

#include "installer/program_of.hpp"

namespace upswarm::installer {
namespace {

void note(const std::string& path, const Path& versions, std::set<std::string>& names) {
  if (is_below(path, versions)) names.insert(Path(path).lexically_relative(versions).begin()->string());
}

std::string target_of(const Path& link) {
  std::string target(PATH_MAX, '\0');
  const auto length = ::readlink(link.c_str(), target.data(), target.size());
  target.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return target;
}

}  // namespace

std::set<std::string> folders_in_use(const Path& versions) {
  std::set<std::string> names;
  const auto processes = system_files().list("/proc");
  if (!processes) return names;
  for (const auto& name : *processes) {
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    const auto process = Path("/proc") / name;
    for (const char* const link : {"exe", "cwd"}) note(target_of(process / link), versions, names);
    std::ifstream maps(process / "maps");
    for (std::string line; std::getline(maps, line);) {
      if (const auto at = line.find('/'); at != std::string::npos) note(line.substr(at), versions, names);
    }
  }
  return names;
}

}  // namespace upswarm::installer
