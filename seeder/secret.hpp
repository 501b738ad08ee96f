// Random secrets that are shown once and kept as digests: API keys, enrolment tokens.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/digest.hpp"

namespace upswarm::seeder {

/// `prefix` and 256 random bits in hexadecimal. Nobody guesses them, so their digest needs neither salt nor passes.
std::string make_secret(std::string_view prefix);

/// Takes the same time wherever the two differ.
bool is_same(const Sha256& a, const Sha256& b);

}  // namespace upswarm::seeder
