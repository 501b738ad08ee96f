// How much a download insists.
#pragma once

namespace upswarm::agent {

/// What is fetched for no user who waits gives way to other traffic: it is marked (protocol/base/traffic_mark.hpp).
enum class Effort { background, foreground };

}  // namespace upswarm::agent
