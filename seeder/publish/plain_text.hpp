// Text that somebody typed and that machines, terminals and logs will show.
#pragma once

#include <string_view>

#include "protocol/base/result.hpp"

namespace upswarm::publish {

/// Passes UTF-8 of at most `longest` bytes without control characters (C0, DEL, C1); newline and tab alone are allowed.
/// `doing` is the context of the error; `what` names the text in it: "the reason".
/// Errors: invalid.
Result<void> check_plain_text(const std::string& doing, const std::string& what, std::string_view text,
                              std::size_t longest);

}  // namespace upswarm::publish
