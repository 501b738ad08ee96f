// upswarm-agent: the unprivileged service of a machine. It polls, fetches, seeds on, and asks the installer to install.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "agent/advice.hpp"
#include "agent/announcer.hpp"
#include "agent/config.hpp"
#include "agent/control.hpp"
#include "agent/machine_key.hpp"
#include "agent/manners_keeper.hpp"
#include "agent/own_network.hpp"
#include "agent/own_start.hpp"
#include "agent/poll_loop.hpp"
#include "agent/secret_file.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"
#include "protocol/messages/conversation.hpp"

namespace upswarm::agent {
namespace {

constexpr std::size_t kMostConversations = 24;
constexpr std::size_t kMostOfRoot = 8;  // of its own: others must not shut it out
constexpr std::uint32_t kEveryUser = 0666;

void pause_until(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
}

void serve(LocalServer& server, Control& control, const std::stop_token& stop) {
  server.run(
      [&control](LocalConnection& connection, const std::stop_token& ending) {
        messages::answer_all(
            connection,
            [&control](const std::string& word, const Json& question, std::unique_ptr<InputFile> /*file*/,
                       const std::stop_token& /*stop*/) { return control.answer(word, question); },
            ending);
      },
      [](const PeerIdentity& peer) {
        const bool is_root = peer.user == 0;
        return LocalTerms{.kind = is_root ? "root" : "others",
                          .most = is_root ? kMostOfRoot : kMostConversations,
                          .longest_frame = kSmallLocalFrame};
      },
      stop);
}

/// All that an agent is made of, opened.
struct Parts {
  const AgentConfig& config;
  const PollRhythm& rhythm;
  LocalServer& server;
  RepositoryFolders& folders;
  StateStore& store;
  HttpClient& http;
  InstallerLink& installer;
  StatusBoard& board;
  MachineIdentity& identity;
  Swarm& swarm;
};

Surroundings look(const AgentConfig& config, WayTo& seeder, LinkWatch& link) {
  auto around = look_around(system_files(), seeder.device());
  around.link = link.look();
  around.free_disk = system_files().free_space(config.state_folder).value_or(0_B);
  return around;
}

/// Polls and answers until the stop.
Result<void> work(const Parts& parts, const std::stop_token& stop) {
  const auto& config = parts.config;
  const auto& clock = system_clock();
  LinkWatch link(config.link, ask_about_link);
  WayTo seeder(host_of(config.seeder_url));
  MannersKeeper keeper({.policy = config.manners,
                        .look = [&] { return look(config, seeder, link); },
                        .swarm = parts.swarm,
                        .store = parts.store,
                        .clock = clock});
  UpdateCycle cycle({.installer = parts.installer,
                     .swarm = parts.swarm,
                     .store = parts.store,
                     .board = parts.board,
                     .folders = parts.folders,
                     .http = parts.http,
                     .identity = parts.identity,
                     .clock = clock,
                     .pause = pause_until,
                     .seeder_url = config.seeder_url,
                     .patience = config.patience,
                     .link = [&keeper] { return keeper.last().link; },
                     .has_room = [&keeper] { return keeper.last().has_room; },
                     .confirm_major = config.confirm_major,
                     .cache = config.cache,
                     .metered_fallback = config.metered_fallback,
                     .slow_link = config.link ? 0_B : config.slow_link});
  keeper.look();  // before the first byte is given
  UPSWARM_CHECK(cycle.resume_seeding());
  PollLoop loop(parts.rhythm, random_below, clock, parts.board);
  Control control(
      parts.board, parts.store, parts.swarm, clock,
      [&](const CycleRequest& request) {
        cycle.hurry(request);
        return loop.request(request);
      },
      [&] {
        auto manners = keeper.last();
        std::ranges::move(describe_settings(config), std::back_inserter(manners.gates));
        return manners;
      });
  log::info("agent started", {{"seeder", config.seeder_url},
                              {"socket", config.socket.string()},
                              {"port", parts.swarm.listen_port()},
                              {"state_folder", config.state_folder.string()}});
  const std::jthread answering([&] { serve(parts.server, control, stop); });
  const auto start = own_start([](const char* name) { return std::getenv(name); });  // NOLINT: nobody sets variables
  const std::jthread confirming([&] {
    if (start) confirm_own_start(config.installer_socket, *start, pause_until, stop);
  });
  const std::jthread keeping([&] { keeper.run(stop); });
  loop.run(
      [&cycle](const CycleRequest& request, std::stop_token ending) { return cycle.run(request, std::move(ending)); },
      stop);
  log::info("agent stops");
  return {};
}

Result<ProxyLogin> read_proxy_login(Files& files, const Path& file) {
  if (file.empty()) return ProxyLogin{};
  UPSWARM_TRY(const auto text, read_secret(files, file));
  auto login = parse_proxy_login(text);
  if (!login) return std::move(login).error().within(file.string());
  return login;
}

Result<void> run(const AgentConfig& config) {
  UPSWARM_CHECK(log::set_up(config.log));
  const auto stop = stop_on_signals();
  auto& files = system_files();
  UPSWARM_CHECK(make_folders(files, config.socket.parent_path()));
  UPSWARM_TRY(const auto server, listen_local(config.socket, kEveryUser));  // first: it shows that we are alone
  UPSWARM_CHECK(make_folders(files, config.state_folder, 0750));
  UPSWARM_TRY(auto folders, RepositoryFolders::open(files, config.state_folder, config.root_file));
  UPSWARM_TRY(auto store, StateStore::open(config.database()));
  UPSWARM_TRY(const auto machine_id, store.setting(kMachineId));
  UPSWARM_TRY(const auto login, read_proxy_login(files, config.proxy_login_file));
  const auto http = make_http_client(
      {.ca_file = config.ca_file, .proxy = config.proxy, .proxy_user = login.user, .proxy_password = login.password});
  const auto installer = make_local_installer_link(config.installer_socket);
  StatusBoard board(machine_id, config.seeder_url);
  const PollRhythm rhythm{config.poll_interval, config.poll_jitter_permille};
  MachineIdentity identity({.files = files,
                            .store = store,
                            .board = board,
                            .http = *http,
                            .clock = system_clock(),
                            .random = random_below,
                            .rhythm = rhythm,
                            .seeder_url = config.seeder_url,
                            .token_file = config.enrolment_token_file},
                           open_machine_key(files, config.state_folder));
  UPSWARM_TRY(
      const auto swarm,
      open_libtorrent_swarm(config.swarm, *http, [&identity](const std::string& method, const std::string& target) {
        return identity.sign(method, target, "");
      }));
  return work({config, rhythm, *server, folders, store, *http, *installer, board, identity, *swarm}, stop);
}

Result<void> start(const Path& config_file, bool only_check) {
  UPSWARM_TRY(const auto file, read_config(config_file));
  UPSWARM_TRY(const auto config, read_agent_config(file));
  if (only_check) return {};
  return run(config);
}

}  // namespace
}  // namespace upswarm::agent

int main(int argc, char** argv) {
  CLI::App app{
      std::string("Upswarm's agent. It looks for new releases, fetches them from neighbours and the seeder, and asks\n"
                  "upswarm-installer to install them. Run it under an account of its own, as a service.\n\n") +
      upswarm::kExitCodesHelp};
  std::string config = "/etc/upswarm/agent.toml";
  bool json = false;
  bool check = false;
  app.add_option("--config", config, "Configuration file (TOML)")->capture_default_str();
  app.add_flag("--json", json, "Errors as JSON on standard output");
  app.add_flag("--check-config", check, "Read the configuration, say what is wrong with it, and end");
  app.set_version_flag("--version", std::string("upswarm-agent ") + UPSWARM_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : static_cast<int>(upswarm::ExitCode::usage);
  }
  const auto result = upswarm::agent::start(config, check);
  if (!result) return upswarm::report_error(result.error(), json);
  return 0;
}
