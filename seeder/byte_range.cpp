#include "seeder/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace upswarm::seeder {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

ByteRange parse_range(std::string_view header, Bytes size) {
  constexpr std::string_view kUnit = "bytes=";
  const ByteRange whole{ByteRange::Kind::whole, {}, size};
  const ByteRange unsatisfiable{ByteRange::Kind::unsatisfiable, {}, {}};
  if (!header.starts_with(kUnit)) return whole;
  header.remove_prefix(kUnit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = parse_number(header.substr(0, dash));
  const auto last = parse_number(header.substr(dash + 1));
  if (dash == 0) {  // the last so many bytes
    if (!last) return whole;
    const Bytes length{std::min(*last, size.count)};
    if (length.count == 0) return unsatisfiable;
    return {ByteRange::Kind::part, size - length, length};
  }
  if (!first || (!last && dash + 1 != header.size()) || (last && *last < *first)) return whole;
  if (*first >= size.count) return unsatisfiable;
  const auto end = last ? std::min(*last, size.count - 1) : size.count - 1;
  return {ByteRange::Kind::part, Bytes{*first}, Bytes{end - *first + 1}};
}

}  // namespace upswarm::seeder
