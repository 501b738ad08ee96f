// upswarm-installer: the privileged program. It has no network and trusts nobody.
#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "installer/sandbox.hpp"
#include "installer/service.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/memory.hpp"
#include "protocol/base/program.hpp"
#include "protocol/base/service_notice.hpp"
#include "protocol/messages/conversation.hpp"

namespace upswarm::installer {
namespace {

constexpr const char* kSandbox = "/etc/systemd/system/upswarm-installer.service.d/50-roots.conf";

Result<void> serve(const InstallerConfig& config) {
  give_memory_back();
  UPSWARM_CHECK(log::set_up(config.log));
  const auto stop = stop_on_signals();
  UPSWARM_TRY(const auto service, InstallerService::open(config, system_files(), system_clock()));
  UPSWARM_TRY(const auto server, listen_local(config.socket, 0666));
  warn_of_read_only_roots(config);
  service->settle();
  log::info("installer started", {{"socket", config.socket.string()}, {"products", config.products.size()}});
  // Not after recovery: that starts services, which may wait for us.
  if (const auto told = tell_service_manager(kReady); !told)
    log::warning("the service manager was not told", {{"error", told.error().message()}});
  const std::jthread worker([&service, stop] { service->work(stop); });
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
      [&service](const PeerIdentity& peer) { return service->admit(peer); }, stop);
  log::info("installer stopped");
  return {};
}

struct Wishes {
  Path config = "/etc/upswarm/installer.toml";
  bool only_check = false;
  std::optional<Path> sandbox;
};

Result<void> run(const Wishes& wishes) {
  UPSWARM_TRY(const auto file, read_config(wishes.config));
  UPSWARM_TRY(const auto config, read_installer_config(file));
  if (wishes.only_check) return {};
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
