#include "agent/secret_file.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

constexpr std::uint32_t kEverybody = 0007;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Result<std::string> read_secret(Files& files, const Path& file) {
  UPSWARM_TRY(const auto info, files.info(file));
  if (info.type != FileType::regular)
    return Error{ErrorKind::invalid, "read " + file.string(), "it is no regular file", "secret_file"};
  if (mode_bits(info, kEverybody) != 0)
    return Error{ErrorKind::denied, "read " + file.string(), "every user may: chmod 640 it", "secret_mode"};
  UPSWARM_TRY(const auto text, read_file(files, file, kLongestSecretFile));
  return std::string(trimmed(text));
}

Result<ProxyLogin> parse_proxy_login(std::string_view text) {
  const auto colon = text.find(':');
  const bool has_control = std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (colon == 0 || colon == std::string_view::npos || has_control)
    return Error{ErrorKind::invalid, "read the login of the proxy", "one line \"user:password\" is wanted"};
  return ProxyLogin{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace upswarm::agent
