#include <unistd.h>

#include "installer/launch.hpp"

namespace upswarm::installer {

void end_launch_watch() { ::alarm(0); }

}  // namespace upswarm::installer
