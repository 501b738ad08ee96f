#include <CLI/CLI.hpp>
#include <thread>

#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"
#include "protocol/trust/openssl/verifier.hpp"
#include "tests/tools/tuf_client/target_folder.hpp"

namespace upswarm::tools {
namespace {

constexpr auto kLongestWait = std::chrono::seconds(60);
constexpr auto kBetweenTries = std::chrono::milliseconds(20);

struct CommandLine {
  std::string metadata_dir;
  std::string metadata_url;
  std::vector<std::string> target_names;
  std::string target_dir;
  std::string target_base_url;
  std::string trusted_root;
  bool json = false;
};

/// Another run may be at work in the same folder: they take turns.
Result<trust::TrustStore> open_store(const CommandLine& line, const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + kLongestWait;
  for (;;) {
    auto store = trust::TrustStore::open(system_files(), line.metadata_dir);
    if (store || store.error().kind != ErrorKind::busy) return store;
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= until) return store;
    std::this_thread::sleep_for(kBetweenTries);
  }
}

Result<void> init(const CommandLine& line, const std::stop_token& stop) {
  UPSWARM_TRY(auto store, open_store(line, stop));
  UPSWARM_TRY(const auto root, read_file(system_files(), line.trusted_root, trust::kLongestRoot));
  return store.place_first_root(root, trust::conformance_verifier());
}

Result<void> download(const CommandLine& line, trust::TrustClient& client, HttpSource& source) {
  UPSWARM_CHECK(make_folders(system_files(), line.target_dir));
  const TargetFolder folder(system_files(), line.target_dir);
  for (const auto& path : line.target_names) {
    UPSWARM_TRY(const auto target, client.find(path));
    UPSWARM_TRY(const bool there, folder.has(target));
    if (!there) UPSWARM_CHECK(folder.fetch(target, client.name_of(target), source));
  }
  return {};
}

Result<void> refresh(const CommandLine& line, bool then_download, const std::stop_token& stop) {
  UPSWARM_TRY(auto store, open_store(line, stop));
  const auto http = make_http_client({});
  HttpSource source(*http, line.metadata_url, line.target_base_url, stop);
  // Foreign repositories: nothing is known of how long their timestamps live.
  trust::TrustClient client(store, source, trust::conformance_verifier(), system_clock(), trust::Profile{});
  UPSWARM_CHECK(client.refresh());
  if (!then_download) return {};
  return download(line, client, source);
}

int answer(const Result<void>& result, bool json) {
  if (result) return 0;
  report_error(result.error(), json);
  return 1;
}

}  // namespace
}  // namespace upswarm::tools

int main(int argc, char** argv) {
  using upswarm::tools::CommandLine;
  CLI::App app{
      "The TUF client workflow alone (specification 1.0.34, section 5), for conformance suites.\n"
      "It also verifies ecdsa-sha2-nistp256 and rsassa-pss-sha256, which Upswarm's own programs refuse.\n\n"
      "Exit codes: 0 done, 1 anything else."};
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("upswarm-tuf-client ") + UPSWARM_VERSION);
  CommandLine line;
  app.add_option("--metadata-dir", line.metadata_dir, "Where trusted metadata is kept")->required();
  auto* const url = app.add_option("--metadata-url", line.metadata_url, "Where the repository has its metadata");
  auto* const names = app.add_option("--target-name", line.target_names, "A target's path; may be given again");
  names->take_all()->expected(1);
  auto* const folder = app.add_option("--target-dir", line.target_dir, "Where downloaded targets are kept");
  auto* const targets =
      app.add_option("--target-base-url", line.target_base_url, "Where the repository has its targets");
  app.add_flag("--json", line.json, "Errors as JSON on standard output");
  auto* const init = app.add_subcommand("init", "Place the first root of trust; asks nobody");
  init->add_option("TRUSTED_ROOT_FILE", line.trusted_root)->required();
  auto* const refresh = app.add_subcommand("refresh", "Bring the metadata of the top-level roles up to date");
  auto* const download = app.add_subcommand("download", "Refresh, then fetch the targets named, in their order");
  for (auto* const needed : {url}) needed->type_name("URL");
  try {
    app.parse(argc, argv);
    if (!*init && url->empty()) throw CLI::RequiredError("--metadata-url");
    if (*download) {
      for (const auto* const needed : {names, folder, targets}) {
        if (needed->empty()) throw CLI::RequiredError(needed->get_name());
      }
    }
  } catch (const CLI::ParseError& failure) {
    return app.exit(failure) == 0 ? 0 : 1;
  }
  const auto stop = upswarm::stop_on_signals();
  if (*init) return upswarm::tools::answer(upswarm::tools::init(line, stop), line.json);
  return upswarm::tools::answer(upswarm::tools::refresh(line, !*refresh, stop), line.json);
}
