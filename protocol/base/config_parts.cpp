#include "protocol/base/config_parts.hpp"

namespace upswarm {

Result<std::filesystem::path> parse_absolute_path(std::string_view text) {
  const std::filesystem::path path(text);
  if (!path.is_absolute())
    return Error{ErrorKind::invalid, "path \"" + std::string(text) + "\"", "it must be absolute"};
  return path.lexically_normal();
}

std::filesystem::path path_or(ObjectReader& in, std::string_view key, const std::filesystem::path& otherwise) {
  return in.has(key) ? in.parsed(key, parse_absolute_path).value_or(otherwise) : otherwise;
}

Result<void> read_log_settings(ObjectReader& in, log::Settings& settings) {
  if (!in.has("log")) return {};
  auto log = in.inside(in.object("log"), "log");
  if (log.has("level")) settings.level = log.parsed("level", log::parse_level).value_or(settings.level);
  settings.json = log.boolean_or("json", settings.json);
  settings.file = log.text_or("file", settings.file);
  return log.finish();
}

}  // namespace upswarm
