#include "agent/manners/surroundings.hpp"

namespace upswarm::agent {

Surroundings look_around(Files& files) { return read_surroundings(files, "/sys", "/proc"); }

}  // namespace upswarm::agent
