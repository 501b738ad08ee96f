// Which program a process runs: Linux, proc(5).
#pragma once

#include <cstdint>

#include "protocol/base/files.hpp"
#include "protocol/base/local_socket.hpp"

namespace upswarm::installer {

/// Errors: not_found  there is no such process; denied.
Result<Path> program_of(std::int64_t process);

/// The one that asks.   Errors: denied.
Result<Path> own_program();

/// The same of who opened a conversation, and of nobody who got his number since.
/// Errors: denied  that process has ended, or cannot be told from another; not_found.
Result<Path> program_of_peer(const PeerIdentity& peer);

/// Whether `program` lies in `folder` or below it; both absolute and without links.
bool is_below(const Path& program, const Path& folder);

/// Whether another file was put in the place of `program` after it was started, as proc(5) says.
bool was_replaced(const Path& program);

}  // namespace upswarm::installer
