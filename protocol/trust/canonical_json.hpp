// OLPC canonical JSON, the bytes that TUF signatures cover.
#pragma once

#include <string>

#include "protocol/base/json.hpp"

namespace upswarm::trust {

/// Keys sorted by code point, no white space, only `"` and `\` escaped, integers alone
/// (wiki.laptop.org/go/Canonical_JSON). Control characters stand for themselves, so the result is for signing, not
/// always JSON that can be read back. `value` holds what parse_json lets through. A value made in code that holds a
/// float is a defect (assert).
std::string to_canonical(const Json& value);

}  // namespace upswarm::trust
