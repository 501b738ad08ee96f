// upswarm-installer: the privileged program. It has no network and trusts nobody.
#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "installer/sandbox.hpp"
#include "installer/self_update.hpp"
#include "installer/service.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/memory.hpp"
#include "protocol/base/program.hpp"
#include "protocol/base/service_notice.hpp"
#include "protocol/messages/conversation.hpp"

namespace upswarm::installer {
namespace {

constexpr const char* kSandbox = "/etc/systemd/system/upswarm-installer.service.d/50-roots.conf";

constexpr std::chrono::milliseconds kProbeLimit{std::chrono::seconds(20)};

Result<void> serve(const InstallerConfig& config) {
  give_memory_back();
  UPSWARM_CHECK(log::set_up(config.log));
  const auto stop = stop_on_signals();
  UPSWARM_TRY(const auto service, InstallerService::open(config, system_files(), system_clock()));
  UPSWARM_TRY(const auto server, listen_local(config.socket, 0666));
  warn_of_read_only_roots(config);
  service->settle(stop);
  log::info("installer started", {{"socket", config.socket.string()}, {"products", config.products.size()}});
  // Not after recovery: that starts services, which may wait for us.
  if (const auto told = tell_service_manager(kReady); !told)
    log::warning("the service manager was not told", {{"error", told.error().message()}});
  std::stop_source end;
  const std::stop_callback forward(stop, [&end] { end.request_stop(); });
  const std::jthread worker([&service, &end] {
    service->work(end.get_token());
    end.request_stop();
  });
  server->run(
      [&service](LocalConnection& connection, const std::stop_token& ending) {
        const auto peer = connection.peer();
        messages::answer_all(
            connection,
            [&](const std::string& word, const Json& question, std::unique_ptr<InputFile> package,
                const std::stop_token& unheard) {
              return service->answer(peer, word, question, std::move(package), unheard);
            },
            ending);
      },
      [&service](const PeerIdentity& peer) { return service->admit(peer); }, end.get_token());
  log::info("installer stopped");
  return {};
}

struct Wishes {
  Path config = "/etc/upswarm/installer.toml";
  bool only_check = false;
  bool self_test = false;
  bool probe = false;
  std::optional<Path> sandbox;
};

Result<void> run(const Wishes& wishes) {
  UPSWARM_TRY(const auto file, read_config(wishes.config));
  UPSWARM_TRY(auto config, read_installer_config(file));
  config.file = wishes.config;
  if (wishes.only_check) return {};
  if (wishes.self_test) return test_self(system_files(), config);
  if (wishes.probe) return probe_installer(system_files(), config, kProbeLimit);
  if (wishes.sandbox) return write_sandbox(system_files(), config, *wishes.sandbox);
  return serve(config);
}

}  // namespace
}  // namespace upswarm::installer

int main(int argc, char** argv) {
  CLI::App app{
      std::string("Upswarm's privileged installer. It verifies packages by its own root of trust, switches versions\n"
                  "atomically, checks their health, and rolls back by itself. Run it as root, as a service.\n\n") +
      upswarm::kExitCodesHelp};
  upswarm::installer::Wishes wishes;
  std::string config = wishes.config.string();
  std::string sandbox = upswarm::installer::kSandbox;
  bool json = false;
  app.add_option("--config", config, "Configuration file (TOML)")->capture_default_str();
  app.add_flag("--json", json, "Errors as JSON on standard output");
  app.add_flag("--check-config", wishes.only_check, "Read the configuration, say what is wrong with it, and end");
  app.add_flag("--self-test", wishes.self_test,
               "Say whether this program can go on with what is on disk; changes nothing");
  app.add_flag("--probe", wishes.probe, "Say whether the installer that runs answers");
  const auto* const write_sandbox =
      app.add_option("--write-sandbox", sandbox,
                     "Make the folders that the configuration names, and the drop-in that lets the unit write to them")
          ->expected(0, 1)
          ->default_str(sandbox);
  app.set_version_flag("--version", std::string("upswarm-installer ") + UPSWARM_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : static_cast<int>(upswarm::ExitCode::usage);
  }
  wishes.config = config;
  if (write_sandbox->count() > 0) wishes.sandbox = sandbox;
  const auto result = upswarm::installer::run(wishes);
  if (!result) return upswarm::report_error(result.error(), json);
  return 0;
}
