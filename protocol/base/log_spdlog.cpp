#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>

#include "protocol/base/json.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::log {
namespace {

std::atomic<bool> write_json{false};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "error";
}

void append_quoted(std::string& line, std::string_view text) {
  line.push_back('"');
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (code < 0x20 || code == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", code);
      line += escape.data();
    } else {
      line.push_back(c);
    }
  }
  line.push_back('"');
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code <= 0x20 || code == 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

/// A line ends with "\n" on every system.
std::unique_ptr<spdlog::formatter> lines_of(const char* pattern) {
  return std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n");
}

/// ASCII alone, so that no terminal obeys it. What is no UTF-8 becomes U+FFFD: a stranger's byte must not make a line
/// that no machine reads.
std::string json_text(std::string_view text) { return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace); }

std::shared_ptr<spdlog::logger> logger() {
  static const auto first = [] {
    auto made = std::make_shared<spdlog::logger>("upswarm", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_formatter(lines_of("%Y-%m-%dT%H:%M:%S.%eZ %v"));
    spdlog::set_default_logger(made);
    return 0;
  }();
  static_cast<void>(first);
  return spdlog::default_logger();
}

std::string as_json(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line = "\"level\":\"" + std::string(name_of(level)) + "\",\"event\":";
  line += json_text(event);
  for (const auto& field : fields) line += "," + json_text(field.name) + ":" + json_text(field.value);
  return line + "}";
}

std::string as_line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line = std::string(name_of(level)) + " " + std::string(event);
  for (const auto& field : fields) {
    line += " " + std::string(field.name) + "=";
    if (is_plain(field.value)) line += field.value;
    else append_quoted(line, field.value);
  }
  return line;
}

}  // namespace

Result<void> set_up(const Settings& settings) {
  try {
    spdlog::sink_ptr sink;
    if (settings.file.empty()) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(settings.file);
    auto made = std::make_shared<spdlog::logger>("upswarm", std::move(sink));
    made->set_formatter(
        lines_of(settings.json ? "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v" : "%Y-%m-%dT%H:%M:%S.%eZ %v"));
    made->set_level(to_spdlog(settings.level));
    made->flush_on(spdlog::level::debug);
    static_cast<void>(logger());
    write_json = settings.json;
    spdlog::set_default_logger(std::move(made));
    return {};
  } catch (const spdlog::spdlog_ex& failure) {
    return Error{ErrorKind::disk, "open the log file " + settings.file, failure.what()};
  }
}

Result<Level> parse_level(std::string_view text) {
  for (const auto level : {Level::debug, Level::info, Level::warning, Level::error}) {
    if (text == name_of(level)) return level;
  }
  return Error{ErrorKind::invalid, "log level \"" + std::string(text) + "\"",
               "it must be debug, info, warning or error"};
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  const auto target = logger();
  if (!target->should_log(to_spdlog(level))) return;
  target->log(to_spdlog(level), "{}", write_json ? as_json(level, event, fields) : as_line(level, event, fields));
}

}  // namespace upswarm::log
