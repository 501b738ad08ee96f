// A health check by HTTP, on loopback, of a listener whose account is known.
#pragma once

#include <chrono>
#include <stop_token>

#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

/// Asks once, by GET, and looks at nothing of the answer but its status. All who listen on the port where 127.0.0.1 or
/// ::1 may lead to them must be of `health.account`, the same sockets before and after: nobody else's word counts.
/// `limit`: for the answer.
/// Errors: invalid  nobody listens, no answer, or another status; denied  another account listens, or there is no such
/// account, or the kernel's tables cannot be read: no fault of the release; cancelled.
Result<void> check_http(const trust::HealthCheck& health, std::chrono::milliseconds limit, const std::stop_token& stop);

}  // namespace upswarm::installer
