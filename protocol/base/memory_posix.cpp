#include <malloc.h>

#include "protocol/base/memory.hpp"

namespace upswarm {

void give_memory_back() {
  constexpr int kLarge = 1024 * 1024;  // frames of packages are smaller, and many
  constexpr int kMostArenas = 2;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);  // setting it keeps glibc from raising it
  ::mallopt(M_ARENA_MAX, kMostArenas);
}

}  // namespace upswarm
