// Structured logging: one line an event, as text or as JSON.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"

namespace upswarm::log {

enum class Level { debug, info, warning, error };

struct Field {
  std::string_view name;
  std::string value;

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(v) {}
  Field(std::string_view n, std::integral auto v) : name(n), value(std::to_string(v)) {}
};

struct Settings {
  Level level = Level::info;
  bool json = false;      ///< JSON lines instead of text
  std::string file = {};  ///< empty: standard error
};

/// Call once at the start of a program; without it, text at level info goes to standard error.
/// Errors: disk  the log file cannot be opened.
Result<void> set_up(const Settings& settings);

/// "debug", "info", "warning" or "error".   Errors: invalid.
Result<Level> parse_level(std::string_view text);

/// Writes one event. Control characters in values are escaped: a neighbour's words cannot forge a line. Any thread.
void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace upswarm::log
