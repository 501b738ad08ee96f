// What a program of several threads does with memory that it no longer needs.
#pragma once

namespace upswarm {

/// From now on blocks of more than 1 MiB go back to the system when they are freed, whichever thread had them.
/// Otherwise glibc raises that limit to the largest that was freed, and keeps blocks for the thread that had them. Call
/// once, at the start of the program. Elsewhere it does nothing.
void give_memory_back();

}  // namespace upswarm
