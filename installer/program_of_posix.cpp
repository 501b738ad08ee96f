#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <system_error>

#include "installer/program_of.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {

Result<Path> program_of(std::int64_t process) {
  const auto link = "/proc/" + std::to_string(process) + "/exe";
  std::string target(PATH_MAX, '\0');
  const auto length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) {
    return Error{errno == ENOENT || errno == ESRCH ? ErrorKind::not_found : ErrorKind::denied,
                 "find the program of process " + std::to_string(process), std::generic_category().message(errno)};
  }
  target.resize(static_cast<std::size_t>(length));
  return Path(target);
}

Result<Path> own_program() { return program_of(::getpid()); }

Result<Path> program_of_peer(const PeerIdentity& peer) {
  UPSWARM_TRY(auto program, program_of(peer.process));
  // The number is still that process's after the look, so it was during the look.
  if (peer.started != 0 && process_start(peer.process) == peer.started) return program;
  return Error{ErrorKind::denied, "find the program of process " + std::to_string(peer.process),
               "it has ended, or cannot be told from another"};
}

bool is_below(const Path& program, const Path& folder) {
  const auto [in_folder, in_program] = std::ranges::mismatch(folder, program);
  return in_folder == folder.end() && in_program != program.end();
}

bool was_replaced(const Path& program) { return program.string().ends_with(" (deleted)"); }

}  // namespace upswarm::installer
