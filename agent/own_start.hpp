// After an update of the agent itself: telling the installer that it runs (HealthCheck::Kind::confirm).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "protocol/base/files.hpp"

namespace upswarm::agent {

/// What the service manager put into this start's environment: UPSWARM_TOKEN, from
/// /run/upswarm-installer/<product>.env, and UPSWARM_PRODUCT, else "upswarm-agent".
struct OwnStart {
  std::string product;
  std::string token;
};

/// Nothing: there is no token. `variable` gives a variable of the environment, or nullptr.
std::optional<OwnStart> own_start(const std::function<const char*(const char*)>& variable);

/// Says hello to the installer at `socket` and gives the token back; every second again until it has answered or `stop`
/// comes. The token of a start long ago is refused: that is no error of anybody.
void confirm_own_start(const Path& socket, const OwnStart& start,
                       const std::function<void(std::chrono::milliseconds, const std::stop_token&)>& pause,
                       const std::stop_token& stop);

}  // namespace upswarm::agent
