// A machine with one product, for tests of Installation.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/release_fixture.hpp"
#include "tests/support/stop_at_read.hpp"
#include "tests/support/stopping_files.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {

/// As a recipe with this layout would have made it.
inline void set_layout(tests::MadeRelease& release, const std::string& layout) {
  release.entry.layout = layout;
  if (layout == trust::kForeignLayout) {
    release.entry.foreign =
        trust::Foreign{.install = {.argv = {"/install", "{release}", "{version}"}},
                       .exit_codes = {{1618, trust::ExitMeaning::retry}, {3010, trust::ExitMeaning::reboot}},
                       .detection = {.command = {.argv = {"/installed"}}, .output = "{version}"}};
  }
  release.entry.requirements = trust::requirements_of(release.entry);
}

struct TestMachine {
  /// In `folder` of the disk `on`, which must outlive the machine.
  explicit TestMachine(const Path& folder, Files& on = tests::unsynced_files())
      : product{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "root"},
        state(folder / "state"),
        disk(on) {
    for (const char* name : {"products", "trees", "incoming"}) {
      const auto made = make_folders(disk, state / name);
      EXPECT_TRUE(made) << made.error().message();
    }
    config.keep_free = 0_B;
    config.keep_releases = 1;
    config.keep_for = std::chrono::hours(24);
    config.products = {product};
    runner.on_program = [this](const auto& argv) { return act_as_system(argv); };
  }

  /// What another installer does: it takes the package that is there, unpacks it, and then says which version is
  /// installed: between the two a rule still finds the one before. All that it writes can fail, and is lost with the
  /// power.
  Result<ProcessOutcome> act_as_system(const std::vector<std::string>& argv) {
    ProcessOutcome outcome;
    if (argv.at(0) == "/installed") {
      const auto found = read_file(files, system_file(), 1_KiB);
      if (!found && found.error().kind != ErrorKind::not_found) return found.error();
      outcome.exit_code = found ? 0 : 1;
      outcome.output = found ? *found + "\n" : "";
      return outcome;
    }
    ++installs;
    UPSWARM_TRY(const bool is_there, exists(files, Path(argv.at(1)) / "bin/app"));
    if (!is_there) outcome.exit_code = 2;
    else if (exit_codes.contains(argv.at(2))) outcome.exit_code = exit_codes.at(argv.at(2));
    if (outcome.exit_code != 2 && outcome.exit_code != 1618)
      UPSWARM_CHECK(write_file_atomically(files, unpacked_file(), argv.at(2)));
    if (outcome.exit_code == 0 || outcome.exit_code == 3010)
      UPSWARM_CHECK(write_file_atomically(files, system_file(), argv.at(2)));
    return outcome;
  }
  Path system_file() const { return state / "system"; }
  Path unpacked_file() const { return state / "unpacked"; }
  std::string unpacked() { return read_file(disk, unpacked_file(), 1_KiB).value_or(""); }
  std::string installed() { return read_file(disk, system_file(), 1_KiB).value_or(""); }

  Installation installation() { return installation(files); }
  Installation installation(Files& on) { return {on, records, runner, clock, product, config, state}; }

  /// Copies the package to where the service would, and installs it.
  Result<messages::Outcome> install(const tests::MadeRelease& release, const char* from = nullptr) {
    auto work = installation();
    take_over(from == nullptr ? release.full : release.deltas.at(from), work.incoming());
    const auto& package = from == nullptr ? release.entry.full : release.entry.deltas.at(0).file;
    return work.install(release.entry, {{package, release.entry.version, release.entry.content}}, {}, {});
  }

  /// What of the full package is missing here, as the installer finds by its index alone.
  Result<messages::MissingParts> missing(const tests::MadeRelease& release, bool with_frames = true,
                                         const std::stop_token& stop = {}) {
    const auto index = parts_of(release, {});
    return installation().missing(release.entry, opened(index), with_frames, {}, stop);
  }

  /// A file with the index of the full package and `parts` of it, noise between them, and nothing behind.
  Path parts_of(const tests::MadeRelease& release, const std::vector<FilePart>& parts) const {
    std::ifstream in(release.full, std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), {});
    auto bytes = whole.substr(0, release.entry.index_length.count);
    for (const auto& part : parts) {
      bytes.resize(part.offset.count, '?');
      bytes += whole.substr(part.offset.count, part.length.count);
    }
    auto path = release.full.parent_path() / "parts.upk";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  /// Asks what is missing, and installs from that and from what is on disk.
  Result<messages::Outcome> install_sparse(const tests::MadeRelease& release) {
    UPSWARM_TRY(const auto lacks, missing(release));
    return install_parts(release, parts_of(release, lacks.parts));
  }
  Result<messages::Outcome> install_parts(const tests::MadeRelease& release, const Path& parts) {
    return installation().install_sparse(release.entry, opened(parts), {}, {});
  }

  /// Asks what of `release`, which is installed, is damaged, and brings that.
  Result<std::optional<messages::Outcome>> repair(const tests::MadeRelease& release) {
    UPSWARM_TRY(const auto lacks, installation().damaged(opened(parts_of(release, {})), true, {}, {}));
    return repair_by(parts_of(release, lacks.parts));
  }
  Result<std::optional<messages::Outcome>> repair_by(const Path& parts, const std::stop_token& stop = {}) {
    return installation().repair(opened(parts), {}, stop);
  }

  /// Installs the last of `releases` by their deltas, each from the one before, the first from what is installed.
  Result<messages::Outcome> install_chain(const std::vector<const tests::MadeRelease*>& releases) {
    auto work = installation();
    std::vector<PackageStep> steps;
    for (const auto* const release : releases) {
      take_over(release->deltas.begin()->second, work.incoming(steps.size()));
      const auto& entry = release->entry;
      steps.push_back({entry.deltas.at(0).file, entry.version, entry.content});
    }
    return work.install(releases.back()->entry, steps, {}, {});
  }

  ProductRecord record() {
    auto loaded = RecordStore(disk, state / "products").load("app");
    EXPECT_TRUE(loaded) << loaded.error().message();
    return *loaded;
  }

  std::string current() {
    const auto version = make_layout(layout, disk, product.root)->current_version();
    EXPECT_TRUE(version) << version.error().message();
    return version->value_or("");
  }

  /// Whether `current` holds exactly the tree that `release` was packed from.
  void expect_runs(const tests::MadeRelease& release) {
    EXPECT_EQ(current(), release.entry.version);
    const bool is_in_place = layout == trust::kInPlaceLayout;
    auto tree = package::scan_tree(disk, is_in_place ? product.root : product.root / "current/");
    ASSERT_TRUE(tree) << tree.error().message();
    std::erase_if(tree->entries, [&](const auto& one) {
      return (is_in_place && one.path.view().starts_with(".upswarm")) || others.contains(std::string(one.path));
    });
    EXPECT_EQ(package::content_digest(*tree), release.entry.content);
    EXPECT_EQ(record().current, release.entry.version);
  }

  ProductConfig product;
  InstallerConfig config;
  std::string layout = trust::kVersionedLayout;  ///< of all releases here
  std::set<std::string> others;                  ///< what is in ROOT and belongs to no release
  std::map<std::string, int> exit_codes;         ///< of the other installer, by version
  int installs = 0;                              ///< how often it ran
  Path state;
  Files& disk;  ///< beneath `files`, which counts and stops
  tests::StoppingFiles files{disk};
  tests::FakeClock clock;
  tests::ScriptedRunner runner;
  RecordStore records{files, state_of(product)};

 private:
  static std::unique_ptr<InputFile> opened(const Path& path) {
    auto file = system_files().open(path);
    EXPECT_TRUE(file) << file.error().message();
    return std::move(*file);
  }
  /// As the service does before, which no test of Installation stops.
  void take_over(const Path& package, const Path& to) {
    const auto cleared = remove_tree(disk, to);
    EXPECT_TRUE(cleared) << cleared.error().message();
    const auto copied = copy_file(disk, *opened(package), to, 0600);
    EXPECT_TRUE(copied) << copied.error().message();
  }
  static Path state_of(const ProductConfig& product) { return product.root.parent_path() / "state" / "products"; }
};

}  // namespace upswarm::installer
