#include "seeder/publish/plain_text.hpp"

#include <algorithm>

#include "protocol/base/json.hpp"

namespace upswarm::publish {
namespace {

/// Written and read again it is the same: to_text puts U+FFFD where there is no UTF-8.
bool is_utf8(const std::string& text) {
  const auto read = parse_json(to_text(Json::array({text})), "the text");
  return read && read->at(0) == text;
}

bool has_control_characters(std::string_view text) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == 0x7F; };
  if (std::ranges::any_of(text, is_control)) return true;
  // C1, which some terminals obey, is 0xC2 0x80..0x9F.
  for (auto at = text.find('\xc2'); at != std::string_view::npos; at = text.find('\xc2', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0) return true;
  }
  return false;
}

}  // namespace

Result<void> check_plain_text(const std::string& doing, const std::string& what, std::string_view text,
                              std::size_t longest) {
  if (text.size() > longest)
    return Error{ErrorKind::invalid, doing, what + " is longer than " + std::to_string(longest) + " bytes"};
  if (!is_utf8(std::string(text))) return Error{ErrorKind::invalid, doing, what + " is not UTF-8"};
  if (has_control_characters(text))
    return Error{ErrorKind::invalid, doing, what + " holds control characters other than newline and tab"};
  return {};
}

}  // namespace upswarm::publish
