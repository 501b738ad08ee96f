// A seeder's folder and a publisher in miniature: it signs what a test asks for, right or wrong.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/database.hpp"
#include "seeder/incoming.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::tests {

/// The bytes of a version 1 torrent of one file. Its piece hashes are made up.
std::string torrent_of(const std::string& name, std::size_t length, std::size_t piece_length = 32 * 1024);

class SeederWorld {
 public:
  SeederWorld();

  TemporaryFolder folder;
  FakeClock clock;
  seeder::SeederFolder place;

  // What the offline roles say. Change it, then write a bundle.
  trust::SigningKey root_key = trust::SigningKey::generate();
  trust::SigningKey targets_key = trust::SigningKey::generate();
  trust::SigningKey release_key = trust::SigningKey::generate();
  trust::SigningKey timestamp_key = trust::SigningKey::generate();
  trust::SigningKey snapshot_key = trust::SigningKey::generate();
  trust::SigningKey rollout_key = trust::SigningKey::generate();
  trust::Root root;
  trust::Targets targets;
  trust::Targets release;  ///< rel-app
  trust::Index index;      ///< app, stable, linux-x64
  trust::SigningKey nightly_key = trust::SigningKey::generate();
  trust::Targets nightly;  ///< pre-app: delegated to, and in bundles, after the first add_nightly()
  trust::Index nightlies;  ///< its index, of the same names
  std::map<std::string, std::string> new_files;  ///< target path -> content, for the next bundle

  /// Adds a release with one package to the index, and raises rel-app.
  const trust::Entry& add_release(const std::string& version, const std::string& content);
  /// The same for a nightly build, with `counter`, and pre-app.
  const trust::Entry& add_nightly(const std::string& version, const std::string& content,
                                  trust::ReleaseCounter counter);
  /// Puts the index, as it is now, into rel-app again, in the version that add_release() has raised.
  void resign_index();
  /// The target path of a release's package.
  static std::string package_path(const std::string& version);
  /// A filter for the release `n` (from 0) of the index.
  seeder::RolloutWish wish(std::size_t n, std::int64_t permille) const;
  /// The consistent name of a target of rel-app or pre-app.
  std::string stored_name(const std::string& path) const;

  /// Writes incoming/NAME with all current metadata and `new_files`, which are then forgotten.
  Path write_bundle(const std::string& name, const std::vector<seeder::RolloutWish>& wishes = {});
  void write_online_keys();

  /// Opens the database and Incoming anew, as after a restart.
  seeder::Incoming& start();
  /// Closes both.
  void stop();
  seeder::Incoming& incoming() { return *incoming_; }
  Database& database() { return *database_; }

  std::string metadata(const std::string& name) const { return folder.read("repository/metadata/" + name); }
  bool is_there(const std::string& path) const;
  trust::Timestamp timestamp() const;
  seeder::RepositoryView view() const;

 private:
  void add_target(trust::Targets& role, const std::string& path, const std::string& content);
  trust::Entry add_package(trust::Targets& role, const std::string& path, const std::string& version,
                           const std::string& content);

  std::unique_ptr<Database> database_;
  std::unique_ptr<seeder::Incoming> incoming_;
};

}  // namespace upswarm::tests
