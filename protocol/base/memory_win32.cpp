#include "protocol/base/memory.hpp"

namespace upswarm {

// The heap there does so by itself.
void give_memory_back() {}

}  // namespace upswarm
