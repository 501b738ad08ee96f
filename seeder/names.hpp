// Names that come from outside and become paths.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/files.hpp"
#include "protocol/trust/metadata.hpp"

namespace upswarm::seeder {

/// Whether `name` may be one part of a path: 1 to 255 of A-Z a-z 0-9 . _ % + ~ -, not starting with a dot.
bool is_path_part(std::string_view name);

/// Reads "a/b/c": 1 to 8 good parts. Whatever was encoded is to be decoded first: percent signs stand for themselves
/// here. Errors: invalid.
Result<Path> parse_relative_path(std::string_view text);

/// "7.rel-app.json" in its parts.
struct VersionedName {
  trust::RoleVersion version = 0;
  std::string role;
};

/// Errors: invalid  not of this form, or a version with leading zeros.
Result<VersionedName> parse_versioned_name(std::string_view text);
std::string versioned_name(const std::string& role, trust::RoleVersion version);

/// The digest in a consistent name ("pkg/a/<64 hexadecimal digits>.file"); nothing when there is none.
std::optional<Sha256> digest_in(std::string_view consistent_name);

/// RFC 3986, 2.1. Nothing for a percent sign without two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace upswarm::seeder
