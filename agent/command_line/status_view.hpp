// The agent's status and history as text.
#pragma once

#include <string>

#include "protocol/messages/agent_messages.hpp"
#include "protocol/messages/plan_messages.hpp"
#include "protocol/messages/session_messages.hpp"

namespace upswarm::command_line {

/// Several lines, each ended by a newline. `now`: for "12 s ago".
std::string format_status(const messages::AgentStatus& status, Time now);

/// A table, newest first, or one line that says that there is nothing.
std::string format_history(const std::vector<messages::HistoryItem>& items);

/// A table, the newest update first, of each its steps in their order; or one line that says that there is nothing.
std::string format_steps(const std::vector<messages::SessionRecord>& sessions);

/// "site 31.2 MiB, origin 1.0 MiB (HTTP 512 KiB), disk 3 MiB, wasted 16 KiB", without what is zero; "" for nothing.
std::string format_sources(const messages::SourceBytes& bytes);

/// "12.3 MiB of 40.0 MiB  31 %  5.1 MiB/s  4 peers  6.0 s left"; "" when nothing is being counted.
std::string format_progress(const messages::ProductStatus& product);

/// Of each product the last plan: what is known of each way, and why it was taken or not. Then the ways of a download,
/// and whether this machine gives to others, and each thing that could stand in the way.
std::string format_why(const messages::WhyAnswer& why);

}  // namespace upswarm::command_line
