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

/// repository.json: {"format": 1, "root_days", "targets_days", "release_days"}: how long signatures are good.
struct Settings {
  std::int64_t root_days = 365;
  std::int64_t targets_days = 182;
  std::int64_t release_days = 182;
};

std::string write_settings(const Settings& settings);
/// Errors: invalid.
Result<Settings> parse_settings(std::string_view text, const std::string& what);

/// One product and its releases, all verified.
struct Product {
  std::string name;
  trust::RoleKeys keys;                         ///< who signs rel-NAME
  trust::Targets release;                       ///< the current rel-NAME
  std::map<std::string, trust::Index> indexes;  ///< by target path

  /// The highest counter of any channel and platform; {1, 0} before the first release.
  trust::ReleaseCounter highest_counter() const;
  /// The index of a channel and platform; an empty one when there is none yet.
  trust::Index index_of(const std::string& channel, const std::string& platform) const;
};

std::string release_role(const std::string& product);  ///< "rel-app"

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
  /// Errors: not_found  (its text says which products there are).
  Result<const Product*> product(const std::string& name) const;

  /// Makes the bundle of `change` in outgoing/, then makes its metadata current. All or nothing: after an error before
  /// the last step, or a power cut, the next open() finds everything as it was. The bundle gets all current metadata,
  /// not only what is new, so that any seeder understands it. Returns the bundle's name. The repository must be opened
  /// anew after it.
  Result<std::string> commit(const Change& change);

  /// Bundles that no seeder has yet, in their order.
  Result<std::vector<std::string>> outgoing() const;
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
  Result<std::string> next_bundle_name(const std::string& name) const;

  Files* files_;
  RepositoryFolder folder_;
  std::optional<FileLock> lock_;
  Settings settings_;
  trust::Root root_;
  trust::Targets targets_;
  std::map<std::string, Product> products_;
  std::map<std::string, trust::RoleVersion> versions_;  ///< highest of each role in metadata/
};

}  // namespace upswarm::publish
