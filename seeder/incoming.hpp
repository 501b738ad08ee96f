// The one writer of the repository: takes bundles in, signs the online roles.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"
#include "seeder/folder.hpp"
#include "seeder/metadata_shelf.hpp"
#include "seeder/offered_bundle.hpp"
#include "seeder/online_signing.hpp"
#include "seeder/repository.hpp"
#include "seeder/role_lives.hpp"

namespace upswarm::seeder {

/// How a bundle fared.
struct Verdict {
  std::optional<Error> refused;  ///< nothing: it was taken in
};

/// How many bundles of one look through incoming/ fared how.
struct IncomingCount {
  int taken = 0;
  int refused = 0;
  int waiting = 0;  ///< could not be judged now: tried again later
};

/// Safe from any thread; calls take turns. The caller holds the folder's lock.
///
/// No role goes back to a lower version, but one that begins anew (new_beginning.hpp) in the bundle that makes clients
/// forget.
///
/// Order of a change: versions are recorded, targets go in, then metadata, then the roots, then timestamp.json, each
/// atomically, and only then the bundle is removed. So a client sees the old repository or the new one, and after a
/// crash at any point the same bundle goes in again.
class Incoming {
 public:
  /// All must outlive the object; `database` must be its own connection.
  Incoming(Files& files, SeederFolder folder, Path keys_folder, Database& database, const Clock& clock);

  /// Called under the lock after each change, and once by start().
  using Changed = std::function<void(const RepositoryView&)>;
  void when_changed(Changed changed) { changed_ = std::move(changed); }

  /// Tells what is there. Call once, before the rest.
  /// Errors: corrupt, disk  the repository cannot be read
  ///         denied  (reason "offline_key") the keys folder holds a key of an offline role
  Result<void> start();

  /// Takes one bundle folder in and removes it. A refused one stays where it is.
  /// Errors: denied (online_key, offline_key), disk, no_space, ...  it could not be judged; nothing was changed that
  /// clients see.
  Result<Verdict> take_in(const Path& bundle, Steering steering);

  /// Looks through incoming/. Refused bundles go to rejected/ with a reason.txt.   Errors: disk  incoming/ cannot be
  /// read.
  Result<IncomingCount> poll();

  /// Signs what is due, or all. True when anything was signed; false also when the repository is empty.
  /// Errors: denied (online_key, offline_key); as OnlineSigner::sign; disk, ...
  Result<bool> sign(Signing how);

  /// Signs from now on also when the clock is far after the last signature.
  void trust_clock() { trusts_clock_ = true; }

  /// Of what is served now. Does not wait for a bundle that is being taken in.
  std::vector<RoleLife> lives() const;

  /// The files that are served.
  MetadataShelf& shelf() { return shelf_; }

  /// Whether sign(Signing::due) has something to do.
  bool must_sign();

 private:
  Result<OnlineKeys> read_keys(const RepositoryView& view) const;
  Result<void> check_roles(const RepositoryView& view) const;
  Result<RepositoryView> add(const RepositoryView& base, const OfferedBundle& offer) const;
  Result<void> add_roots(RepositoryView& view, const OfferedBundle& offer) const;
  Result<void> add_role(const RepositoryView& base, RepositoryView& view, const OfferedBundle& offer,
                        const std::string& name) const;
  Result<void> judge(const RepositoryView& base, const RepositoryView& view, const OfferedBundle& offer,
                     const SignedFiles& made);
  Result<void> take_in_held(const Path& bundle, Steering steering);
  Result<void> publish(const OfferedBundle* offer, const SignedFiles& made);
  Result<void> move_targets(const OfferedBundle& offer);
  Result<void> write_metadata(const OfferedBundle* offer, const SignedFiles& made);
  Result<void> after_change();
  void follow();
  Result<void> reject(const Path& bundle, const Error& why);

  Files& files_;
  SeederFolder folder_;
  MetadataShelf shelf_;
  Path keys_folder_;
  Database& database_;
  const Clock& clock_;
  Changed changed_;
  std::mutex turn_;
  RoleVersions versions_;
  bool trusts_clock_ = false;
  SigningTimes signing_times_{Time::max(), Time::max()};
  mutable std::mutex lives_mutex_;
  std::vector<RoleLife> lives_;
  std::map<std::string, Time> retry_at_;  // bundles that could not be judged
};

}  // namespace upswarm::seeder
