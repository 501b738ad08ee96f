// The tables [manners] and [[manners.rate]] of agent.toml.
#pragma once

#include "agent/manners/manners.hpp"
#include "protocol/base/json.hpp"

namespace upswarm::agent {

inline constexpr std::size_t kMostRateRules = 100;

/// What is missing stays as it is.   Errors: of the kind of `in`.
Result<void> read_manners(ObjectReader& in, MannersPolicy& policy);

}  // namespace upswarm::agent
