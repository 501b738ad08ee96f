#include "seeder/http_priority.hpp"

#include <string>

namespace upswarm::seeder {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kKeyCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_-.*";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_made_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_key(std::string_view text) {
  return is_made_of(text, kKeyCharacters) && kDigits.find(text[0]) == std::string_view::npos;
}

}  // namespace

bool is_background(std::string_view priority) {
  if (priority.size() > kLongestPriority) return false;
  bool is_lowest = false;
  for (auto rest = priority;;) {
    const auto comma = rest.find(',');
    const auto member = trimmed(rest.substr(0, comma));
    const auto equals = member.find('=');
    const auto key = member.substr(0, equals);
    if (!is_key(key)) return false;
    const auto value = equals == std::string_view::npos ? std::string_view("1") : member.substr(equals + 1);
    if (!is_made_of(value, std::string(kKeyCharacters) + "?")) return false;
    if (key == "u") is_lowest = value == "7";  // the last one counts (RFC 8941, 3.2)
    if (comma == std::string_view::npos) return is_lowest;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace upswarm::seeder
