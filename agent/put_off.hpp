// What a user may put off, and for how long: the signed entry sets the bounds.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

/// No wish reaches further, whatever an entry allows.
inline constexpr std::chrono::days kLongestDeferral{365};

/// What a user asked for one product.
struct UserWish {
  std::optional<Time> deferred_until;
  std::string skipped;  ///< version; empty: none
};

/// Until when `entry` may be put off at most. Nothing: not at all.
std::optional<Time> latest_put_off(const trust::Entry& entry, Time first_seen);

struct PutOff {
  std::optional<Time> until;  ///< nothing: until there is a newer release
  std::string reason;         ///< a sentence for people
};

/// Whether the wish holds `entry` back now.
///
/// A deferral counts until the earlier of its own end and max_defer_days after this machine first saw the release. A
/// skipped version stays out until there is a newer one. An urgent release, or one that may not be deferred at all, is
/// held back by neither.
std::optional<PutOff> is_put_off(const trust::Entry& entry, const UserWish& wish, Time first_seen, Time now);

}  // namespace upswarm::agent
