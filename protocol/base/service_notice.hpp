// What a service tells the manager that started it: sd_notify(3), Type=notify of systemd.service(5).
#pragma once

#include <string_view>

#include "protocol/base/result.hpp"

namespace upswarm {

inline constexpr std::string_view kReady = "READY=1";

/// Sends `words` to the socket in NOTIFY_SOCKET: a path, or after "@" an abstract name. Where nobody asked to be told,
/// nothing is done.   Errors: denied  nobody listens there, or it is no such name.
Result<void> tell_service_manager(std::string_view words);

}  // namespace upswarm
