// The publisher's repository: what the offline roles have signed so far, and the one way to add to it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/file_lock.hpp"
#include "protocol/trust/metadata.hpp"
#include "protocol/trust/release_index.hpp"
#include "seeder/publish/bundle_folder.hpp"
#include "seeder/publish/repository_folder.hpp"

namespace upswarm::publish {

/// repository.json: {"format": 1, "root_days", "targets_days", "release_days",
/// "prerelease_days"}: how long signatures are good; and "deltas", "hotfix_deltas": from how many earlier releases a
/// release, or an urgent one, gets a delta.
struct Settings {
  std::int64_t root_days = 365;
  std::int64_t targets_days = 182;
  std::int64_t release_days = 182;
  std::int64_t prerelease_days = 30;
  std::int64_t deltas = 10;
  std::int64_t hotfix_deltas = 20;  ///< urgent: it goes out at once, also to machines that lag behind
};

std::string write_settings(const Settings& settings);
/// Errors: invalid.
Result<Settings> parse_settings(std::string_view text, const std::string& what);

/// Who publishes: people who sign releases, or the nightly build, whose key stands for machines that opted in alone.
enum class Stage { release, prerelease };

/// What one role publishes of a product, all verified.
struct Product {
  std::string name;
  Stage stage = Stage::release;
  trust::RoleKeys keys;                              ///< who signs rel-NAME or pre-NAME
  std::int64_t epoch = 1;                            ///< see trust::DelegatedRole::epoch
  trust::Targets release = {};                       ///< the current rel-NAME; version 0: nothing was signed yet
  std::map<std::string, trust::Index> indexes = {};  ///< by target path

  std::string role() const;                                                            ///< "rel-app", "pre-app"
  std::string path_of(const std::string& channel, const std::string& platform) const;  ///< of an index
  /// The highest counter of any channel and platform; {1, 0} before the first release.
  trust::ReleaseCounter highest_counter() const;
  /// The index of a channel and platform; an empty one when there is none yet.
  trust::Index index_of(const std::string& channel, const std::string& platform) const;
};

std::string release_role(const std::string& product);     ///< "rel-app"
std::string prerelease_role(const std::string& product);  ///< "pre-app"
/// After the folder of a version below releases/: a nightly build never stands where a release would.
inline constexpr const char* kPrereleaseFolderEnd = "~pre";
/// The folder below releases/ that keeps the package of a target path; nothing for a path that is no package's.
std::optional<Path> kept_in(const std::string& target);

/// Errors: invalid  an entry of `index` requires what this program does not know: nobody could say what he signs.
Result<void> check_is_understood(const trust::Index& index, const std::string& what);

/// What one command adds. `bundle.metadata` are the new versions alone, in the order in which they become current.
struct Change {
  BundleParts bundle;
  /// Folders to be moved from work/ to releases/: pairs of a path in work/ and one in releases/.
  std::vector<std::pair<Path, Path>> packages = {};
};

/// Not for use by two threads at once.
class Repository {
 public:
  enum class Access { reading, writing };

  /// Reads and verifies everything signed. Expired signatures are no error: signing anew is what this is for.
  /// With Access::writing it takes the lock and removes what a command that did not end left behind.
  /// Errors: not_found  no repository there; busy  somebody else works in it
  ///         corrupt, untrusted  metadata that is not what its keys signed
  static Result<Repository> open(Files& files, const Path& folder, Access access);

  const RepositoryFolder& folder() const { return folder_; }
  const Settings& settings() const { return settings_; }
  const trust::Root& root() const { return root_; }
  const trust::Targets& targets() const { return targets_; }
  const std::map<std::string, Product>& products() const { return products_; }
  /// Those that have a role for nightly builds.
  const std::map<std::string, Product>& prereleases() const { return prereleases_; }
  /// All of both by role.
  std::map<std::string, const Product*> roles() const;
  /// Errors: not_found  (its text says which products there are).
  Result<const Product*> product(const std::string& name, Stage stage = Stage::release) const;
  /// The counter of the product's next release, of either stage: they share one row. It starts anew in a raised epoch.
  trust::ReleaseCounter next_counter(const std::string& product, Stage stage) const;
  /// The current signed file of a role, byte for byte; a small target by its consistent name.
  Result<std::string> signed_file(const std::string& role) const;
  Result<std::string> small_target(const std::string& consistent_name) const;
  /// A number that no bundle and no change has, and `name`.
  Result<std::string> next_bundle_name(const std::string& name) const;

  /// Makes the bundle of `change` in outgoing/, then makes its metadata current. All or nothing: after an error before
  /// the last step, or a power cut, the next open() finds everything as it was. The bundle gets all current metadata,
  /// not only what is new, so that any seeder understands it. Returns the bundle's name. The repository must be opened
  /// anew after it.
  Result<std::string> commit(const Change& change);

  /// Bundles that no seeder has yet, in their order.
  Result<std::vector<std::string>> outgoing() const;
  /// The names of the change files in changes/.
  Result<std::vector<std::string>> changes() const;
  /// Removes a bundle from outgoing/ and keeps its record.
  Result<void> mark_handed_over(const std::string& bundle);
  /// The newest filter that was asked for a channel and platform.
  Result<std::optional<seeder::RolloutWish>> last_wish(const std::string& product, const std::string& channel,
                                                       const std::string& platform,
                                                       const trust::ReleaseCounter& counter) const;

 private:
  Repository(Files& files, RepositoryFolder folder) : files_(&files), folder_(std::move(folder)) {}

  Result<void> load();
  Result<void> load_product(const trust::DelegatedRole& role);
  Result<void> load_indexes(Product& product);
  Result<trust::Envelope> load_role(const std::string& role, Bytes longest) const;
  Result<void> tidy();
  Result<bool> is_committed(const Path& bundle) const;
  Result<std::vector<std::string>> current_metadata(const Change& change) const;
  Result<void> become();

  Files* files_;
  RepositoryFolder folder_;
  std::optional<FileLock> lock_;
  Settings settings_;
  trust::Root root_;
  trust::Targets targets_;
  std::map<std::string, Product> products_;
  std::map<std::string, Product> prereleases_;
  std::map<std::string, trust::RoleVersion> versions_;  ///< highest of each role in metadata/
};

}  // namespace upswarm::publish
