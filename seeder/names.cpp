#include "seeder/names.hpp"

#include <algorithm>
#include <charconv>

namespace upswarm::seeder {
namespace {

constexpr std::size_t kLongestPart = 255;
constexpr std::size_t kMostParts = 8;
constexpr std::size_t kDigestDigits = 64;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._%+~-").find(c) != std::string_view::npos;
}

Error refused(std::string_view text, const char* why) {
  return {ErrorKind::invalid, "read the name " + std::string(text.substr(0, 100)), why, "name"};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_path_part(std::string_view name) {
  return !name.empty() && name.size() <= kLongestPart && name.front() != '.' && std::ranges::all_of(name, is_plain);
}

Result<Path> parse_relative_path(std::string_view text) {
  Path path;
  std::size_t parts = 0;
  for (auto rest = text;;) {
    const auto slash = rest.find('/');
    const auto part = rest.substr(0, slash);
    if (!is_path_part(part)) return refused(text, "a part of it is not allowed in a path");
    if (++parts > kMostParts) return refused(text, "it has too many parts");
    path /= part;
    if (slash == std::string_view::npos) return path;
    rest.remove_prefix(slash + 1);
  }
}

Result<VersionedName> parse_versioned_name(std::string_view text) {
  constexpr std::string_view kEnd = ".json";
  const auto dot = text.find('.');
  if (!is_path_part(text) || !text.ends_with(kEnd) || dot == std::string_view::npos ||
      dot + 1 + kEnd.size() >= text.size()) {
    return refused(text, "VERSION.ROLE.json is wanted");
  }
  VersionedName name;
  const auto digits = text.substr(0, dot);
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), name.version);
  if (status != std::errc() || end != digits.data() + digits.size() || digits.front() == '0' || name.version < 1) {
    return refused(text, "VERSION.ROLE.json is wanted");
  }
  name.role = text.substr(dot + 1, text.size() - dot - 1 - kEnd.size());
  return name;
}

std::string versioned_name(const std::string& role, trust::RoleVersion version) {
  return std::to_string(version) + "." + role + ".json";
}

std::optional<Sha256> digest_in(std::string_view consistent_name) {
  const auto last = consistent_name.substr(consistent_name.rfind('/') + 1);
  if (last.size() < kDigestDigits + 2 || last[kDigestDigits] != '.') return std::nullopt;
  auto digest = parse_sha256(last.substr(0, kDigestDigits));
  if (!digest) return std::nullopt;
  return *digest;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

}  // namespace upswarm::seeder
