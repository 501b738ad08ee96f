// Compressed answers (RFC 9110, 8.4): "zstd" (RFC 8878), and "dcz", Zstandard against bytes that both sides have
// (Compression Dictionary Transport, RFC 9842): what changed costs, not what there is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/digest.hpp"
#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm {

enum class ContentCoding { identity, zstd, dcz };

inline constexpr Bytes kLongestDictionary = 8_MiB;

std::string_view to_string(ContentCoding coding);
/// Nothing for a coding that this program does not know.
std::optional<ContentCoding> parse_content_coding(std::string_view name);

/// Whether the field Accept-Encoding of a request names the coding (RFC 9110, 12.5.3): by itself, without or with a
/// weight above 0. "*" names nothing here.
bool accepts(std::string_view accept_encoding, ContentCoding coding);

/// The field Available-Dictionary (RFC 9842, 2.2): the SHA-256 of the dictionary as ":BASE64:" (RFC 8941, 3.3.5).
std::string dictionary_field(const Sha256& digest);
/// Errors: corrupt.
Result<Sha256> parse_dictionary_field(std::string_view field);

/// Errors: internal  no memory.
Result<std::string> encode_zstd(std::string_view bytes);
/// With the head of RFC 9842, 5.   Errors: internal  no memory; invalid  the dictionary is longer than
/// kLongestDictionary.
Result<std::string> encode_dcz(std::string_view bytes, std::string_view dictionary);

/// One frame, whole, which says how long its content is.
/// Errors: corrupt  damaged, more than one frame, longer than `longest` (reason too_long); of dcz also another
/// dictionary;
///         internal  no memory.
Result<std::string> decode_zstd(std::string_view encoded, Bytes longest);
Result<std::string> decode_dcz(std::string_view encoded, std::string_view dictionary, Bytes longest);

}  // namespace upswarm
