#include "installer/folders_in_use.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>

#include "installer/program_of.hpp"

namespace upswarm::installer {
namespace {

using Users = std::map<std::string, std::string>;

std::string target_of(const Path& link) {
  std::string target(PATH_MAX, '\0');
  const auto length = ::readlink(link.c_str(), target.data(), target.size());
  target.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return target;
}

/// Notes what one process uses.   Errors: of `check`, which is asked before each of its many lines.
template <typename Check>
Result<void> note_uses(const std::string& number, const Path& versions, Users& users, Check check) {
  const auto process = Path("/proc") / number;
  const auto note = [&](const std::string& path) {
    if (!is_below(path, versions)) return;
    struct stat owner {};
    const bool is_there = ::stat(process.c_str(), &owner) == 0;
    users.try_emplace(Path(path).lexically_relative(versions).begin()->string(),
                      "process " + number + (is_there ? ", account " + std::to_string(owner.st_uid) : ""));
  };
  for (const char* const link : {"exe", "cwd"}) note(target_of(process / link));
  std::ifstream maps(process / "maps");
  for (std::string line; std::getline(maps, line);) {
    UPSWARM_CHECK(check());
    if (const auto at = line.find('/'); at != std::string::npos) note(line.substr(at));
  }
  return {};
}

}  // namespace

Result<Users> folders_in_use(const Path& versions, std::chrono::milliseconds most, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  const auto check = [&]() -> Result<void> {
    constexpr const char* kDoing = "look for processes that use a release";
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, kDoing, "stopped"};
    if (std::chrono::steady_clock::now() >= deadline) return Error{ErrorKind::busy, kDoing, "the machine has too many"};
    return {};
  };
  UPSWARM_TRY(const auto processes, system_files().list("/proc"));
  Users users;
  for (const auto& name : processes) {
    UPSWARM_CHECK(check());
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    UPSWARM_CHECK(note_uses(name, versions, users, check));
  }
  return users;
}

}  // namespace upswarm::installer
