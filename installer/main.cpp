// upswarm-installer: the privileged program. It has no network and trusts nobody.
#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "installer/service.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/memory.hpp"
#include "protocol/base/program.hpp"
#include "protocol/messages/conversation.hpp"

namespace upswarm::installer {
namespace {

Result<void> run(const Path& config_file, bool only_check) {
  UPSWARM_TRY(const auto file, read_config(config_file));
  UPSWARM_TRY(const auto config, read_installer_config(file));
  if (only_check) return {};
  give_memory_back();
  UPSWARM_CHECK(log::set_up(config.log));
  const auto stop = stop_on_signals();
  UPSWARM_TRY(const auto service, InstallerService::open(config, system_files(), system_clock()));
  UPSWARM_TRY(const auto server, listen_local(config.socket, 0666));
  log::info("installer started", {{"socket", config.socket.string()}, {"products", config.products.size()}});
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

}  // namespace
}  // namespace upswarm::installer

int main(int argc, char** argv) {
  CLI::App app{
      std::string("Upswarm's privileged installer. It verifies packages by its own root of trust, switches versions\n"
                  "atomically, checks their health, and rolls back by itself. Run it as root, as a service.\n\n") +
      upswarm::kExitCodesHelp};
  std::string config = "/etc/upswarm/installer.toml";
  bool json = false;
  bool check = false;
  app.add_option("--config", config, "Configuration file (TOML)")->capture_default_str();
  app.add_flag("--json", json, "Errors as JSON on standard output");
  app.add_flag("--check-config", check, "Read the configuration, say what is wrong with it, and end");
  app.set_version_flag("--version", std::string("upswarm-installer ") + UPSWARM_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : static_cast<int>(upswarm::ExitCode::usage);
  }
  const auto result = upswarm::installer::run(config, check);
  if (!result) return upswarm::report_error(result.error(), json);
  return 0;
}
