#include "protocol/trust/canonical_json.hpp"

namespace upswarm::trust {
namespace {

void write_text(const std::string& text, std::string& out) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

void write(const Json& value, std::string& out);

void write_object(const Json& value, std::string& out) {
  // nlohmann keeps keys in the order of their bytes, which in UTF-8 is the order of their code points.
  out.push_back('{');
  bool is_first = true;
  for (const auto& [key, item] : value.items()) {
    if (!is_first) out.push_back(',');
    is_first = false;
    write_text(key, out);
    out.push_back(':');
    write(item, out);
  }
  out.push_back('}');
}

void write_array(const Json& value, std::string& out) {
  out.push_back('[');
  bool is_first = true;
  for (const auto& item : value) {
    if (!is_first) out.push_back(',');
    is_first = false;
    write(item, out);
  }
  out.push_back(']');
}

void write(const Json& value, std::string& out) {
  assert(!value.is_number_float() && !value.is_binary() && !value.is_discarded());
  if (value.is_object()) write_object(value, out);
  else if (value.is_array()) write_array(value, out);
  else if (value.is_string()) write_text(value.get_ref<const std::string&>(), out);
  else if (value.is_boolean()) out += value.get<bool>() ? "true" : "false";
  else if (value.is_number_unsigned()) out += std::to_string(value.get<std::uint64_t>());
  else if (value.is_number_integer()) out += std::to_string(value.get<std::int64_t>());
  else out += "null";
}

}  // namespace

std::string to_canonical(const Json& value) {
  std::string out;
  write(value, out);
  return out;
}

}  // namespace upswarm::trust
