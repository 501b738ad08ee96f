// What the configurations of all programs have in common.
#pragma once

#include <filesystem>

#include "protocol/base/json.hpp"
#include "protocol/base/log.hpp"

namespace upswarm {

/// Absolute, in its normal form.   Errors: invalid.
Result<std::filesystem::path> parse_absolute_path(std::string_view text);

/// The absolute path of a key, or `otherwise` where the key is missing. Mistakes are those of `in`.
std::filesystem::path path_or(ObjectReader& in, std::string_view key, const std::filesystem::path& otherwise);

/// The table [log]: level, json, file. What is missing stays as it is.   Errors: of the kind of `in`.
Result<void> read_log_settings(ObjectReader& in, log::Settings& settings);

}  // namespace upswarm
