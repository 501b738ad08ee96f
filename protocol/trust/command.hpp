// What an entry has machines run.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "protocol/base/json.hpp"

namespace upswarm::trust {

inline constexpr std::size_t kMostArguments = 64;
inline constexpr std::size_t kLongestArguments = 4096;  ///< of one command together, in bytes
inline constexpr std::chrono::milliseconds kShortestTime{1};
inline constexpr std::chrono::milliseconds kLongestCommand = std::chrono::hours(24);

/// A program of the release, run by the installer. `argv[0]` is relative to the release's folder, or absolute; 1 to 64
/// items, 4096 bytes together.
struct Command {
  std::vector<std::string> argv = {};
  std::chrono::milliseconds timeout{std::chrono::seconds(60)};
  std::string run_as = {};  ///< account; empty: the installer's own
};

/// Text for the operating system: a control character there is a mistake or an attempt.
bool is_plain_text(std::string_view text);

/// What parse_duration reads, exactly.
std::string duration_text(std::chrono::milliseconds duration);

/// An account, or none where the key is missing.   Errors: of the kind of `in`.
std::string read_account(ObjectReader& in, std::string_view key);

/// Errors: of the kind of `in`.
Result<Command> read_command(ObjectReader in);
Json to_json(const Command& command);

}  // namespace upswarm::trust
