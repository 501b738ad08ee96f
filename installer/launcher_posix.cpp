// upswarm-launcher: starts the installer, and after three starts of a new one that came to nothing the one before.
// No update replaces it; it needs no library, no configuration, and no network.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "installer/launch.hpp"

int main(int argc, char** argv) {
  constexpr int kProgram = 3;
  if (argc <= kProgram) {
    std::fputs(
        "usage: upswarm-launcher ROOT TRIAL PROGRAM [ARGUMENT ...]\n\n"
        "Becomes ROOT/current/bin/PROGRAM. While the file TRIAL says that this release is on trial, starts are "
        "counted;\n"
        "after three of them ROOT/current is the previous release again. Ends with 1 failed, 2 wrong usage.\n",
        stderr);
    return 2;
  }
  const auto launch = upswarm::installer::prepare_launch(upswarm::system_files(), argv[1], argv[2], argv[kProgram]);
  if (!launch) {
    std::fprintf(stderr, "upswarm-launcher: %s\n", launch.error().message().c_str());
    return 1;
  }
  if (!launch->told.empty()) std::fprintf(stderr, "upswarm-launcher: %s\n", launch->told.c_str());
  // Survives exec: whatever the new program hangs at, it ends, and that start has failed.
  if (launch->on_trial) ::alarm(static_cast<unsigned>(upswarm::installer::kLongestTrialRun.count()));
  auto program = launch->program.string();
  argv[kProgram] = program.data();
  ::execv(program.c_str(), argv + kProgram);
  std::fprintf(stderr, "upswarm-launcher: start %s: %s\n", program.c_str(),
               std::generic_category().message(errno).c_str());
  return 1;
}
