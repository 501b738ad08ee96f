// Hexadecimal and base64 text for bytes.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/units.hpp"

namespace upswarm {

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);

/// Reads lower-case hexadecimal of even length.
/// Errors: corrupt  any other character (upper case too: one form only, so that equal means the same text).
Result<ByteBuffer> from_hex(std::string_view text);

/// RFC 4648 base64 with padding, on one line.
std::string to_base64(ByteView bytes);

/// Errors: corrupt  not canonical base64.
Result<ByteBuffer> from_base64(std::string_view text);

}  // namespace upswarm
