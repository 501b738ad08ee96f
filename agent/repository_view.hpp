// What the agent trusts of the seeder's repository, and what of it the installer needs to judge for itself.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "agent/http_repository.hpp"
#include "agent/state_store.hpp"
#include "protocol/messages/installer_messages.hpp"
#include "protocol/trust/client.hpp"

namespace upswarm::agent {

/// An unchanged timestamp is believed for so long; then the whole workflow runs again (a new root shows only there).
inline constexpr std::chrono::hours kFullRefreshEvery{24};

/// The agent's folders for trust: trust/ (TUF store), roots/ (every root it passed), targets/ (small targets).
class RepositoryFolders {
 public:
  /// Makes them, and places the first root from `root_file` where the store has none.
  /// Errors: not_found (no_root)  neither store nor root_file; untrusted, corrupt  the file; disk.
  static Result<RepositoryFolders> open(Files& files, const Path& state_folder, const Path& root_file);

  trust::TrustStore& store() { return *store_; }
  Files& files() const { return *files_; }
  const Path& targets() const { return targets_; }

  Result<std::string> load_root(trust::RoleVersion version) const;
  Result<void> keep_root(trust::RoleVersion version, std::string_view bytes) const;

 private:
  RepositoryFolders(Files& files, Path roots, Path targets, trust::TrustStore store);

  Files* files_;
  Path roots_;
  Path targets_;
  std::unique_ptr<trust::TrustStore> store_;
};

/// What the store trusts of a role now, by the name of another version of it ("7.snapshot.json"); empty: nothing.
std::string earlier_form(const trust::TrustStore& store, const std::string& name);

/// What the installer is to judge by.
struct Offer {
  std::map<std::string, std::string> files;  ///< "metadata/<name>", "targets/<consistent name>" -> content
  std::map<std::string, Error> failed = {};  ///< products without a good index, and why; their files are not there
  std::optional<Error> missed = {};          ///< of a filter that could not be reached: it is left out

  /// The first error that may pass by itself, so that it is worth asking again soon; nothing: there is none. What else
  /// failed stays so until the seeder has new metadata.
  std::optional<Error> passing() const;
};

/// The repository, looked at again in each cycle. What was verified stays in memory, so that a look at which nothing is
/// new parses and verifies nothing, however many products there are. One thread.
class RepositoryView {
 public:
  /// All must outlive the view.
  RepositoryView(RepositoryFolders& folders, StateStore& state, HttpClient& http, const Clock& clock,
                 const std::string& seeder_url);
  ~RepositoryView();

  /// Asks the seeder whether anything changed, at the cost of one small answer; runs the TUF client workflow if so, if
  /// `full`, once a day, and when what is on disk does not load or has expired.
  /// Returns whether there may be something new. `stop` ends its requests and those after it, up to the next refresh.
  /// Errors: those of TrustClient::refresh.
  Result<bool> refresh(bool full, std::stop_token stop);

  /// After a refresh that reached nobody: whether what is on disk loads and has not expired.
  bool use_what_is_here();

  /// All that the installer needs: roots above its own (as many as one refresh of it takes), the metadata of all roles,
  /// index and filter of its products. A product that the repository does not know is left out with a warning.
  /// Whoever signs or serves one product's files must not hold the others, nor an urgent release by a filter: where an
  /// index is not what was signed, has expired, is not there or does not come, that product alone fails; such a filter
  /// is none. Where the index of no product can be reached, that is an error of the whole. Errors: unreachable;
  /// cancelled, disk, ...: what is of this machine.
  Result<Offer> offer(const messages::Hello& hello);

  /// The releases of the signed index of a product, and its nightly builds where it follows them; none where they
  /// cannot be read: then there is just less to choose from. After offer().
  std::vector<trust::Entry> releases(const messages::ProductState& product);

  /// The signed torrent beside a package.   Errors: as TrustClient::fetch.
  Result<std::string> torrent(const trust::PackageFile& file);

  trust::TrustClient::Expiry expires_first() const;

  /// After the installer took the offer: the same timestamp need not be looked at again.
  Result<void> settle();

 private:
  class RootKeeper;
  Result<void> refresh_fully();
  Result<void> add_product(const messages::ProductState& product, Offer& offer);
  bool add_nightlies(const messages::ProductState& product, Offer& offer);
  Result<void> add_filter(const messages::ProductState& product, Offer& offer);
  Result<void> add_roots(trust::RoleVersion above, Offer& offer);
  Result<void> add_target(const std::string& path, Bytes longest, Offer& offer);

  RepositoryFolders& folders_;
  StateStore& state_;
  const Clock& clock_;
  HttpRepository http_;
  std::unique_ptr<RootKeeper> source_;  ///< http_ with the target cache, noting the roots that come by
  trust::TrustClient client_;
  std::string new_etag_;
  bool is_new_ = false;
};

}  // namespace upswarm::agent
