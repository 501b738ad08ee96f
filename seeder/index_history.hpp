// What an index may become: the rules that one version of an index alone cannot show.
#pragma once

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

/// Counters belong to a product, across its channels: the indexes of one product must not give one counter to different
/// releases for the same platform.   Errors: untrusted  reason counter.
Result<void> check_counters(const std::vector<trust::Index>& indexes);

}  // namespace upswarm::seeder
