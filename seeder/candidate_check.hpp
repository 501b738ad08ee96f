// Judging a repository before anybody sees it, by the code that clients use.
#pragma once

#include "protocol/base/clock.hpp"
#include "seeder/offered_bundle.hpp"
#include "seeder/repository.hpp"

namespace upswarm::seeder {

/// A repository as it would be with a bundle taken in.
struct Candidate {
  const RepositoryView& base;  ///< what clients are served now
  const RepositoryView& view;  ///< what they would be served, online roles not yet renewed in it
  const OfferedBundle& offer;
  FolderSource& source;  ///< the new online files, the bundle, the repository, in this order
  Path repository;       ///< its targets/ folder's parent
  Path store;            ///< a copy of what a following client trusts; changed here, to be thrown away
};

/// Follows the candidate as a client would, and looks at every target that is new.
///
/// Checks: root chain, signatures, versions, expiry (the TUF workflow); that each target of each role is found through
/// the delegations, by this role alone; that new targets are there, with the signed length and digest; that indexes and
/// filters are well formed and speak of their own product, channel and platform; that what entries name is signed and
/// present, with torrents that fit; that indexes follow those before them (index_history.hpp) and that no package
/// changes under its name, neither of which binds a role that begins anew (new_beginning.hpp); that nothing in the
/// bundle is there for no reason. An unchanged role that has expired is no reason to refuse others: it is only logged.
///
/// Errors: untrusted, corrupt, not_found  the candidate is bad; its reason is in the context
///         disk, ...  it could not be judged.
Result<void> check_candidate(Files& files, const Candidate& candidate, const Clock& clock);

}  // namespace upswarm::seeder
