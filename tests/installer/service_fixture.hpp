// A machine whose installer follows a signed repository: for tests of InstallerService.
#pragma once

#include "installer/service.hpp"
#include "tests/support/stolen_keys.hpp"

namespace upswarm::installer {

/// The machine runs 1.0.0; 1.3.0 is rolled out to it. Deltas: 1.0.0 -> 1.1.0 -> 1.2.0 -> 1.3.0, and 1.0.0 -> 1.3.0.
class ServiceFixture : public tests::StolenKeys {
 protected:
  void SetUp() override {
    index.entries.push_back(make_entry("1.2.0", {1, 7}));
    index.entries.push_back(make_entry("1.3.0", {1, 8}));
    for (std::size_t i = 1; i < index.entries.size(); ++i) add_delta(i - 1, i);
    add_delta(0, 3);
    folder.write("root.json", simulator.files.at("metadata/1.root.json"));
    config.state_folder = folder / "state";
    config.socket = folder / "run/installer.sock";
    config.root_file = folder / "root.json";
    config.agent_account = "4711";
    config.products = {{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "root"}};
    filter = {item_of(index.entries[3], 1000)};
    put_index();
    put_filter();
    sign_offline();
    sign_online();
    start();
    install(index.entries[0]);
  }

  static std::string bytes_of(const std::string& name) { return "the bytes of " + name; }

  void add_delta(std::size_t from, std::size_t to) {
    auto file = index.entries[to].full;
    const auto name = "delta " + index.entries[from].version + " " + index.entries[to].version;
    file.path += "." + index.entries[from].version;
    file.length = Bytes{bytes_of(name).size()};
    file.sha256 = sha256(bytes_of(name));
    index.entries[to].deltas.push_back({index.entries[from].version, index.entries[from].content, file});
    folder.write(file.sha256.hex(), bytes_of(name));
  }

  void start() {
    service.reset();
    auto opened = InstallerService::open(config, *files, clock);
    ASSERT_TRUE(opened) << opened.error().message();
    service = std::move(*opened);
    service->recover({});
  }

  /// As if it had been installed, but for its tree.
  void install(const trust::Entry& entry) {
    RecordStore records(system_files(), config.state_folder / "products");
    auto record = records.load("app");
    ASSERT_TRUE(record);
    record->current = entry.version;
    record->releases.push_back({entry, clock.now()});
    record->highest = entry.counter;
    ASSERT_TRUE(records.save(*record));
  }

  Result<Json> ask(const std::string& word, Json question, std::unique_ptr<InputFile> file = nullptr) {
    question["ask"] = word;
    return service->answer({.user = 4711, .process = 1}, word, question, std::move(file));
  }
  std::string wants() {
    const auto answer = ask("offer_metadata", messages::make_offer(simulator.files));
    if (!answer) return answer.error().message();
    const auto& decision = (*answer)["decisions"][0];
    return decision.value("kind", "") + " " + decision.value("/entry/version"_json_pointer, std::string("-"));
  }
  /// "accepted", or the reason of the refusal.
  std::string offer(std::size_t to, std::size_t delta, bool more) {
    const auto& file = index.entries[to].deltas[delta].file;
    auto opened = system_files().open(folder / file.sha256.hex());
    Json question{{"product", "app"}, {"sha256", file.sha256.hex()}};
    if (more) question["more"] = true;
    const auto answer = ask("offer_package", question, std::move(*opened));
    return answer ? "accepted" : answer.error().reason.empty() ? answer.error().message() : answer.error().reason;
  }

  Result<Json> ask_as_root(const std::string& word, Json question) {
    question["ask"] = word;
    return service->answer({.user = 0, .process = 1}, word, question, nullptr);
  }

  Files* files = &system_files();  ///< of the next start()
  InstallerConfig config;
  std::unique_ptr<InstallerService> service;
};

}  // namespace upswarm::installer
