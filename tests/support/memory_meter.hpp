// How much memory the program takes by operator new, which it replaces where it is linked. What C libraries take by
// malloc is not seen: zstd's windows have bounds of their own.
#pragma once

#include "protocol/base/units.hpp"

namespace upswarm::tests {

/// The most that was taken at once since the object was made, beyond what was taken then. One at a time; counts all
/// threads.
class MemoryMeter {
 public:
  MemoryMeter();
  Bytes most() const;

 private:
  std::uint64_t before_;
};

}  // namespace upswarm::tests
