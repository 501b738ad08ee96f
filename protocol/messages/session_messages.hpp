// How updates went, state by state: what `upswarm history --steps` shows.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/json.hpp"

namespace upswarm::messages {

inline constexpr std::int64_t kMostSessions = 200;    ///< that an agent keeps, over all products
inline constexpr std::size_t kMostSessionSteps = 64;  ///< that it keeps of one
inline constexpr std::size_t kLongestStepDetail = 400;

struct SessionStep {
  std::string state;  ///< "checking", "downloading", "verifying", "staged", "installing", "probation", "completed", ...
  Time at;
  std::string detail;  ///< for people; in the end why
};

/// One update of one product, or one try at it.
struct SessionRecord {
  std::string product;
  std::string version;
  std::vector<SessionStep> steps;  ///< the first first
};

/// {"sessions": [{"product", "version", "steps": [{"state", "at", "detail"} ...]} ...]}
Json sessions_to_json(const std::vector<SessionRecord>& sessions);
/// Errors: corrupt.
Result<std::vector<SessionRecord>> parse_sessions(const Json& value);

}  // namespace upswarm::messages
