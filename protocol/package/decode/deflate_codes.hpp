// The prefix codes of a deflate block, made as zlib and GNU gzip make them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace upswarm::package {

inline constexpr std::size_t kLiteralCodes = 286;
inline constexpr std::size_t kDistanceCodes = 30;
inline constexpr std::size_t kLengthCodes = 19;
inline constexpr std::uint32_t kEndOfBlock = 256;

/// A length or distance is the first one of its code, and so many bits more (RFC 1951, 3.2.5).
struct CodeRange {
  std::uint16_t first = 0;
  std::uint8_t extra_bits = 0;
};
CodeRange length_range(std::uint32_t code);              ///< code 257 to 285
CodeRange distance_range(std::uint32_t code);            ///< code 0 to 29
std::uint32_t code_of_length(std::uint32_t length);      ///< 3 to 258: 257 to 285
std::uint32_t code_of_distance(std::uint32_t distance);  ///< 1 to 32,768: 0 to 29

/// Lengths in bits of a prefix code for symbols that occur so often (sums below 2^16): at most `longest`, up to the
/// last symbol that has a code. At least two symbols get one, whether they occur or not. RFC 1951 leaves open which
/// lengths; these are the ones that zlib and gzip come to, ties and shortening included.
std::vector<std::uint8_t> code_lengths(std::span<const std::uint16_t> counts, std::uint8_t longest);

/// The code words of such lengths (RFC 1951, 3.2.2), bits reversed, so that the first one to be sent is the lowest.
std::vector<std::uint16_t> code_words(std::span<const std::uint8_t> lengths);

/// Lengths of the fixed codes (RFC 1951, 3.2.6): of 288 literals, of 30 distances.
std::span<const std::uint8_t> fixed_literal_lengths();
std::span<const std::uint8_t> fixed_distance_lengths();

}  // namespace upswarm::package
