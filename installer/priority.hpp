// Work that nobody waits for.
#pragma once

namespace upswarm::installer {

/// From now on this thread has the processor and the disk only when nobody else wants them, as far as the system lets
/// it. There is no way back: for threads that end.
void yield_to_all_others();

}  // namespace upswarm::installer
