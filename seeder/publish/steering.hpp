// What is done to releases that are out: rollout filters, the floor, withdrawals.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "seeder/publish/key_ring.hpp"
#include "seeder/publish/repository.hpp"
#include "seeder/publish/signing.hpp"

namespace upswarm::publish {

/// One release of one channel and platform.
struct ReleaseChoice {
  std::string product;
  std::string channel;
  std::string platform;
  std::string version;
};

struct RolloutChange {
  std::optional<std::int64_t> permille;  ///< nothing: as last asked for
  std::optional<bool> paused;            ///< nothing: as last asked for
  std::string reason;
  std::optional<std::vector<std::string>> rings = {};  ///< nothing: as last asked for; an empty list: all machines
};

/// Makes a bundle with a wish for the online role and nothing signed: no passphrase is needed.
/// What the change leaves open is taken from the last wish made here for this release.
/// Errors: not_found  no such product or release; invalid  a number, a reason that is no plain text or too long, or
/// nothing to take the rest from.
/// Returns the bundle's name.
Result<std::string> steer_rollout(Repository& repository, const ReleaseChoice& release, const RolloutChange& change);

/// Raises the floor of an index to a release: machines never go below it.
/// Nothing when the floor is there already.
/// Errors: not_found; invalid  the floor is above it: it never sinks; the release is withdrawn, or the way back from a
/// withdrawn one would lead below; as sign_and_commit.
Result<std::optional<Signed>> raise_floor(Files& files, Repository& repository, const ReleaseChoice& release,
                                          const Clock& clock, KeyRing& keys);

struct WithdrawalRequest {
  std::string go_back_to = {};             ///< a version; empty: as said before, if anything was
  std::optional<std::string> reason = {};  ///< nothing: as said before
  bool undo = false;                       ///< the release stands again; the others are not looked at
  bool stay = false;                       ///< no way back, or no more: who has the release waits for a newer one
};

struct WithdrawalReport {
  Signed signed_as;
  std::string go_back_to = {};  ///< the version; empty: machines keep what they have
};

/// Says in the index that nobody is to get a release any more, and where those go who have it. An earlier withdrawal
/// that goes back to this release goes where this one goes. Works on nightly builds, too.
/// Nothing when the index says just that already.
/// Errors: not_found  no such release; invalid  the way back leads up, below the floor, to a withdrawn release or
/// nowhere, or the reason is no plain text; as sign_and_commit.
Result<std::optional<WithdrawalReport>> withdraw(Files& files, Repository& repository, const ReleaseChoice& release,
                                                 const WithdrawalRequest& request, const Clock& clock, KeyRing& keys);

}  // namespace upswarm::publish
