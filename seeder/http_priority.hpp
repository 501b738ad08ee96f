// The Priority header of a request (RFC 9218): how urgent it is.
#pragma once

#include <cstddef>
#include <string_view>

namespace upswarm::seeder {

inline constexpr std::size_t kLongestPriority = 64;

/// Whether it says that nobody waits for the answer: urgency 7, "background" (RFC 9218, 4.1). What is not a dictionary
/// (RFC 8941, 3.2) of keys with tokens or numbers, or is longer than kLongestPriority, says nothing: somebody may wait.
bool is_background(std::string_view priority);

}  // namespace upswarm::seeder
