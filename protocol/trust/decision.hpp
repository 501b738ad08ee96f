// Which release a machine should run: index, filter and the machine's own facts in, one answer out.
#pragma once

#include <optional>
#include <string>

#include "protocol/base/clock.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::trust {

/// What a machine knows about itself.
struct MachineFacts {
  std::string machine_id;
  std::string ring = {};  ///< where an administrator put it; empty: in none
  std::optional<std::string> installed_version;
  ReleaseCounter highest_committed;         ///< {1, 0} when nothing was ever committed
  std::optional<ReleaseCounter> installed;  ///< counter of what is installed now
  std::optional<Sha256> content = {};       ///< of what is installed now
  ReleaseCounter floor{1, 0};               ///< the highest that was ever seen signed here
  bool accepts_prerelease = false;
  std::vector<Sha256> bad;  ///< content digests that failed here
  Time now;
  /// TrustedTarget::epoch of the index: the offline targets role allows its releases no higher one.
  std::int64_t epoch = 1;
};

struct Decision {
  enum class Kind { current, wanted, held };
  Kind kind = Kind::held;
  std::optional<Entry> entry;  ///< the one wanted; for `held` the one being held, if there is one
  std::string reason;          ///< a sentence for people; of `held` it begins with "held: "
};

/// `rollout`: nothing when there is none or it has expired. One of another product, channel or platform counts as none.
///
/// Of the entries newer than what is installed, the newest that may be installed is wanted. Passed over is one that
///   - is withdrawn, or is a pre-release and nobody opted in (as if it were not there: this alone holds nothing),
///   - requires what this program does not know (Entry::not_known),
///   - has an epoch that the role may not use, or jumps by more than kLargestCounterJump within the committed epoch.
///     (The limit keeps a thief of the release keys, or a slip of the hand, from using up the counters: the owner's
///     next release can always be newer than all of theirs. Where nothing was committed yet there is nothing to jump
///     from, and any first counter is as good as another: what comes after it is bounded again, and a raised epoch
///     passes it),
///   - is below the floor, or behind what was committed (the one way back is that of a withdrawal, below),
///   - has the version of what is installed, and another content,
///   - failed here (its content is in `bad`),
///   - is not to be stepped to from what is installed (minimum_version; with nothing installed any may be),
///   - is not yet due (not_before),
///   - is held by the filter: no item with its counter and digest, paused, for other rings than this machine's, or this
///     machine is outside the permille. Urgent entries skip the permille, not a pause or the rings. An urgent entry is
///     held by a missing filter or item, by a pause or by rings no longer
///     than max_hold_days after its not_before; without a not_before there is nothing to count from, and the filter
///     holds it for as long as it likes: upswarm-publish writes the time of signing into urgent entries that have none.
///
/// Where none is wanted and what is installed (its counter, and its content if that is known) is withdrawn, the release
/// to which its withdrawal goes back is wanted, by those signatures alone: no filter, no counter and no minimum_version
/// is in the way of it. What it requires, epoch, floor, not_before, what failed here and pre-releases are: then it is
/// held.
///
/// current  what is installed is the newest that there is for this machine
/// held     there would be something newer; `entry` is the newest that was passed over, and the reason is its own. Also
///          when nothing is installed and nothing may be, and when what is installed is below the floor with nothing
///          newer.
Decision decide(const Index& index, const std::optional<Rollout>& rollout, const MachineFacts& facts);

/// The same for a machine that follows nightly builds, too: the one with the higher counter of what `releases` and
/// `nightlies` want. Nightly builds answer to the floor of `releases`, never to one of their own, and `nightly_epoch`,
/// what the offline targets role allows them, counts only up to facts.epoch: their key moves neither.
/// Where neither is wanted, the answer is that of `releases`, unless a nightly build alone is held.
Decision decide_with_nightlies(const Index& releases, const Index& nightlies, const std::optional<Rollout>& rollout,
                               const MachineFacts& facts, std::int64_t nightly_epoch);

/// Whether an urgent entry has been held for as long as it may be: max_hold_days after its not_before.
bool is_hold_over(const Entry& entry, Time now);

/// The place of a machine in a staged rollout, 0 to 999: the first 8 bytes (big-endian) of SHA-256(salt, a zero byte,
/// machine id), mod 1000. It is reached when it is lower than the permille.
std::int64_t rollout_place(const std::string& salt, const std::string& machine_id);

}  // namespace upswarm::trust
