// TOML configuration files, read strictly.
#pragma once

#include <filesystem>

#include "protocol/base/json.hpp"

namespace upswarm {

/// A configuration as a JSON value with the line of each key, to be read by an ObjectReader.
struct Config {
  Json values = Json::object();
  SourceLines lines;

  /// A reader whose mistakes name file, line and key.
  ObjectReader reader() const { return {values, "", ErrorKind::invalid, &lines}; }
};

inline constexpr Bytes kLongestConfig = 1_MiB;

/// Reads a TOML 1.0 file. Dates and floating-point numbers have no use here and are refused.
/// Errors: not_found, disk, invalid  (with file and line)
Result<Config> read_config(const std::filesystem::path& file);

/// The same from text; `document` names it in errors.
Result<Config> parse_config(std::string_view text, std::string document);

}  // namespace upswarm
