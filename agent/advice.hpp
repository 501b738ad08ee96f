// What a person can do about a failure.
#pragma once

#include <string>

#include "protocol/base/result.hpp"

namespace upswarm::agent {

/// One sentence, by kind and reason of the error. Never empty.
std::string advice_for(const Error& error);

}  // namespace upswarm::agent
