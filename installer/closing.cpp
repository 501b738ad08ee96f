#include "installer/closing.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

constexpr std::size_t kMostNamed = 3;

/// One that cannot be signalled holds up no other: it is seen to run on.
void signal_all(const RunningPrograms& programs, RunningProgram::How how) {
  const bool is_end = how == RunningProgram::How::end;
  for (const auto& one : programs) {
    log::info(
        is_end ? "ending a program of the release that is left" : "asking a program of the release that is left to end",
        {{"program", one->name()}});
    if (const auto sent = one->signal(how); !sent)
      log::warning("a program cannot be signalled", {{"error", sent.error().message()}});
  }
}

Error still_running(const RunningPrograms& programs) {
  std::string names;
  for (std::size_t i = 0; i < std::min(programs.size(), kMostNamed); ++i)
    names += (i == 0 ? "" : ", ") + programs[i]->name();
  if (programs.size() > kMostNamed) names += " and " + std::to_string(programs.size() - kMostNamed) + " more";
  return {ErrorKind::busy, "close what runs of the release that is left", "still running: " + names,
          "programs_running"};
}

}  // namespace

Result<void> close_programs(ProcessTable& processes, const ReleasePlace& release, const Closing& closing,
                            const std::string& spared, const std::stop_token& stop) {
  if (closing.running == Running::leave) return {};
  auto how = RunningProgram::How::ask;
  auto most = closing.wait;
  for (int endings = 0;; ++endings) {
    UPSWARM_TRY(const auto programs, processes.look(release, spared));
    if (programs.empty()) return {};
    const bool may_signal = how == RunningProgram::How::ask ? endings == 0 : endings <= kMostEndings;
    if (!may_signal) return still_running(programs);
    signal_all(programs, how);
    processes.await(programs, most, stop);
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "close what runs of a release", "stopped"};
    if (closing.running == Running::end) {
      how = RunningProgram::How::end;
      most = kEndWait;
    }
  }
}

}  // namespace upswarm::installer
