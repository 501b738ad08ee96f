// What the seeder signs itself: rollout (7 days), snapshot (7 days) and timestamp (1 day, signed anew every hour).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"
#include "seeder/online_keys.hpp"
#include "seeder/repository.hpp"
#include "seeder/rollouts.hpp"

namespace upswarm::seeder {

/// The versions of online roles. A version is the time of signing, in seconds since 1970, so that it rises although
/// everything here was put back from a backup; where that would not rise (two in a second, a clock that was set back),
/// it is one more than the highest on disk or in the database. Why: docs/decisions/0006-versions-by-the-clock.md
class RoleVersions {
 public:
  /// All must outlive the object.
  RoleVersions(Database& database, Files& files, Path metadata_folder, const Clock& clock)
      : database_(database), files_(files), metadata_folder_(std::move(metadata_folder)), clock_(clock) {}

  /// The next version of `role`; `known` is the highest that the caller knows of.
  /// Errors: internal  there is no higher one: only new keys and an empty folder help
  ///         disk, corrupt
  Result<trust::RoleVersion> next(const std::string& role, trust::RoleVersion known);
  Result<void> record(const std::string& role, trust::RoleVersion version);

 private:
  Database& database_;
  Files& files_;
  Path metadata_folder_;
  const Clock& clock_;
};

enum class Signing {
  due,  ///< what changed, and what must not become older
  all,
};

struct SigningRequest {
  const RepositoryView& view;       ///< offline roles as they shall be served, online ones as they are
  trust::RepositorySource& source;  ///< for indexes and filters, also those of `before`
  std::vector<RolloutWish> wishes = {};
  Steering steering = Steering::any;
  Signing how = Signing::due;
  bool trusts_clock = false;               ///< somebody looked at it, however long ago the last signature was
  const RepositoryView* before = nullptr;  ///< what is served now, where offline roles of `view` are new
};

/// Files to be written, the timestamp last.
struct SignedFiles {
  std::map<std::string, std::string> metadata;                       ///< "7.snapshot.json" -> bytes
  std::map<std::string, std::string> targets;                        ///< consistent name -> bytes: filters
  std::vector<std::pair<std::string, trust::RoleVersion>> versions;  ///< to be recorded before anybody sees the files
  bool empty() const { return metadata.empty(); }
};

/// After this nothing that was signed online is good any more, and somebody must look anyhow.
inline constexpr std::chrono::hours kLongestSilence{8 * 24};

/// Signs; writes nothing. Not for use by two threads at once.
class OnlineSigner {
 public:
  /// All must outlive the signer.
  OnlineSigner(const OnlineKeys& keys, RoleVersions& versions, const Clock& clock)
      : keys_(keys), versions_(versions), clock_(clock) {}

  /// The filter of a release goes when it is withdrawn, also when `before` withdraws it and `view` does no more: what
  /// stands again is held until somebody rolls it out anew. A wish that comes together with its release's withdrawal is
  /// passed over.
  ///
  /// Nothing is signed when root or targets has expired: no client would take it. Nor, but with trusts_clock, when the
  /// clock is more than kLongestSilence after the last signature: clients take the newest timestamp for a proof of the
  /// time, and one from the future would make them hold until that time has come.
  /// Errors: denied     (reason "online_key") a key is not the one that root or targets names
  ///         internal   (reason "clock") too long after the last signature
  ///         untrusted  (reason "expired") root or targets
  ///         untrusted, not_found, corrupt  a wish does not fit the signed index
  Result<SignedFiles> sign(const SigningRequest& request);

 private:
  Result<void> check_keys(const RepositoryView& view) const;
  Result<void> check_clock(const RepositoryView& view) const;
  Result<bool> change_rollouts(const SigningRequest& request, Rollouts& rollouts) const;
  Result<void> sign_rollout(const SigningRequest& request, SignedFiles& made, trust::MetaFile& meta);
  Result<std::map<std::string, trust::MetaFile>> meta_of(const SigningRequest& request, SignedFiles& made);

  const OnlineKeys& keys_;
  RoleVersions& versions_;
  const Clock& clock_;
};

/// When the online roles of a repository must be signed anew.
struct SigningTimes {
  Time last;  ///< when the newest of them was signed, as its expiry tells
  Time next;  ///< when the first of them is due
};

/// Time::max() for both when there is nothing to sign.
SigningTimes signing_times(const RepositoryView& view);

/// Also when the newest was signed in what is the future now: the clock was wrong then, and signatures that are good
/// for too long are to be followed by right ones.
bool is_due(const SigningTimes& times, Time now);

}  // namespace upswarm::seeder
