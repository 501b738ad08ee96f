// What an index may become: the rules that one version of an index alone cannot show.
#pragma once

#include <optional>
#include <vector>

#include "protocol/trust/release_index.hpp"

namespace upswarm::seeder {

/// Whether `after` may follow `before` (nothing: it is the first). `epoch` is TrustedTarget::epoch of `after`.
/// Errors: untrusted  reason epoch    floor or an entry has a higher one than its role may use: machines would hold it
///                    reason floor    the floor sinks
///                    reason entry    an entry is another one than before under the same counter
///                    reason counter  a new entry does not come after all that were there, or the newest vanishes and
///                                    nothing newer comes: its counter could be used again. The first entry of a higher
///                                    epoch comes after all of a lower one
Result<void> check_succession(const trust::Index* before, const trust::Index& after, std::int64_t epoch);

/// An index as it would be served, and as it is.
struct CurrentIndex {
  trust::Index index;
  std::optional<trust::Index> before = {};  ///< nothing: there is none
  bool is_nightly = false;                  ///< preindex/
};

/// Counters belong to a product, across its channels and stages: the indexes of one product must not give one counter
/// to different releases for the same platform. A release may take the counter of a nightly build, which is only
/// logged: otherwise a thief of the nightly key could keep releases out. Two that were there before are no reason.
/// Errors: untrusted  reason counter.
Result<void> check_counters(const std::vector<CurrentIndex>& indexes);

}  // namespace upswarm::seeder
