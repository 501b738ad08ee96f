#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <fstream>

#include "protocol/base/config.hpp"

namespace upswarm {
namespace {

constexpr int kDeepestConfig = 16;

class Converter {
 public:
  Converter(SourceLines& lines) : lines_(lines) {}

  Result<Json> convert(const toml::node& node, const std::string& path, int depth) {
    lines_.line_of[path] = node.source().begin.line;
    if (depth > kDeepestConfig) return refuse(path, "nested too deeply");
    if (const auto* table = node.as_table()) return from_table(*table, path, depth);
    if (const auto* array = node.as_array()) return from_array(*array, path, depth);
    if (const auto* text = node.as_string()) return Json(text->get());
    if (const auto* number = node.as_integer()) return Json(number->get());
    if (const auto* flag = node.as_boolean()) return Json(flag->get());
    return refuse(path, "only text, whole numbers, true, false, lists and tables are allowed");
  }

 private:
  Result<Json> from_table(const toml::table& table, const std::string& path, int depth) {
    Json object = Json::object();
    for (const auto& [key, value] : table) {
      const std::string name(key.str());
      UPSWARM_TRY(object[name], convert(value, path.empty() ? name : path + "." + name, depth + 1));
    }
    return object;
  }

  Result<Json> from_array(const toml::array& array, const std::string& path, int depth) {
    Json list = Json::array();
    for (std::size_t i = 0; i < array.size(); ++i) {
      UPSWARM_TRY(auto item, convert(array[i], path + "[" + std::to_string(i) + "]", depth + 1));
      list.push_back(std::move(item));
    }
    return list;
  }

  Error refuse(const std::string& path, const char* why) const {
    return {ErrorKind::invalid, lines_.document + ":" + std::to_string(lines_.line_of.at(path)) + ": " + path, why};
  }

  SourceLines& lines_;
};

}  // namespace

Result<Config> parse_config(std::string_view text, std::string document) {
  if (text.size() > kLongestConfig.count) return Error{ErrorKind::invalid, document, "longer than " + to_string(kLongestConfig)};
  Config config;
  config.lines.document = std::move(document);
  const auto parsed = toml::parse(text);
  if (!parsed) {
    const auto& failure = parsed.error();
    return Error{ErrorKind::invalid, config.lines.document + ":" + std::to_string(failure.source().begin.line),
                 std::string(failure.description())};
  }
  Converter converter(config.lines);
  UPSWARM_TRY(config.values, converter.convert(parsed.table(), "", 0));
  return config;
}

Result<Config> read_config(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Error{ErrorKind::not_found, "read the configuration " + file.string(), "cannot open it"};
  std::string text(kLongestConfig.count + 1, '\0');  // one more than may be: parse_config sees that it is too long
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return Error{ErrorKind::disk, "read the configuration " + file.string(), "reading failed"};
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return parse_config(text, file.string());
}

}  // namespace upswarm
