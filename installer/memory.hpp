// What a long-lived program of many threads does with memory that it no longer needs.
#pragma once

namespace upswarm::installer {

/// From now on large blocks go back to the system when they are freed, whichever thread had them. Otherwise glibc keeps
/// them for that thread: of six that each answered a long frame, all six. Call once, at the start of the program.
void give_memory_back();

}  // namespace upswarm::installer
