// What lies in a full package, entry by entry.
#pragma once

#include "protocol/base/json.hpp"
#include "protocol/package/decode/package_index.hpp"

namespace upswarm::publish {

/// Each entry of the tree, in its order: path, type, and what its type has: octal mode, size, digest, target of a link.
/// `cost` is what a file takes in the package, about: its part of the frames that it shares with others. Content that
/// several files hold is stored once and counted for the first.
Json package_listing(const package::PackageIndex& index);

/// One line an entry for people.
std::string listing_text(const Json& listing);

}  // namespace upswarm::publish
