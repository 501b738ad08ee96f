#include "installer/command_runner.hpp"

#include <filesystem>

#include "installer/unit_runner.hpp"

namespace upswarm::installer {
namespace {

constexpr const char* kSystemdRuns = "/run/systemd/system";  // sd_booted(3)

class ForkRunner final : public CommandRunner {
 public:
  Result<ProcessOutcome> run(const ProcessSpec& spec, std::stop_token stop) override {
    return run_process(spec, std::move(stop));
  }
};

}  // namespace

std::unique_ptr<CommandRunner> make_fork_runner() { return std::make_unique<ForkRunner>(); }

std::unique_ptr<CommandRunner> make_command_runner(const Path& systemctl) {
  const UnitTools tools{.systemd_run = systemctl.parent_path() / "systemd-run", .systemctl = systemctl};
  std::error_code code;
  if (!std::filesystem::exists(kSystemdRuns, code) || !std::filesystem::exists(tools.systemd_run, code))
    return make_fork_runner();
  return make_unit_runner(tools, make_fork_runner());
}

}  // namespace upswarm::installer
