// Work that nobody waits for.
#pragma once

#include "protocol/base/result.hpp"

namespace upswarm::installer {

/// From now on this thread has the processor and the disk only when nobody else wants them. There is no way back: for
/// threads that end.
/// Errors: denied  the system let it have only one of the two, or none; work may go on all the same.
Result<void> yield_to_all_others();

}  // namespace upswarm::installer
