// What a repository holds, for people and scripts.
#pragma once

#include <string>

#include "seeder/publish/repository.hpp"

namespace upswarm::publish {

/// {"roles": [{"role", "version", "expires", "days_left", "expired", "renew_soon"}],
///  "changes": [NAME], "outgoing": [NAME],
///  "products": [{"product", "indexes": [{"channel", "platform", "nightly", "floor", "releases": [{"version",
///  "counter", "path", "length", "deltas": [{"from", "path", "length"}], "urgent", "withdrawn"}]}]}]}; see also
///  add_package_use()]}
Result<Json> status_of(const Repository& repository, const Clock& clock);

/// The same as text.
std::string status_text(const Json& status);

}  // namespace upswarm::publish
