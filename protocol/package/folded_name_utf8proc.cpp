#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "protocol/package/folded_name.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kMostPoints = 4 * kLongestTreePath;  ///< no byte of UTF-8 becomes more
constexpr unsigned kDecomposed = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Empty: not UTF-8, or longer than a path may become.
std::string mapped(std::string_view text, unsigned options) {
  std::array<utf8proc_int32_t, 256> few;  // nearly all paths
  std::vector<utf8proc_int32_t> many;
  auto* points = few.data();
  const auto map = [&](std::size_t room) {
    return utf8proc_decompose(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                              static_cast<utf8proc_ssize_t>(text.size()), points, static_cast<utf8proc_ssize_t>(room),
                              static_cast<utf8proc_option_t>(options));
  };
  // The encoder below puts a zero behind, in the room of the numbers.
  auto count = map(few.size() - 1);
  if (count >= static_cast<utf8proc_ssize_t>(few.size())) {
    if (static_cast<std::size_t>(count) > kMostPoints) return {};
    many.resize(static_cast<std::size_t>(count) + 1);
    points = many.data();
    count = map(many.size() - 1);
  }
  if (count < 0) return {};
  const auto size = utf8proc_reencode(points, count, UTF8PROC_STABLE);
  if (size < 0) return {};
  return {reinterpret_cast<const char*>(points), static_cast<std::size_t>(size)};
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::string folded(name);
  if (is_ascii(name)) {
    std::ranges::transform(folded, folded.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return folded;
  }
  // Decomposed first: U+0345 is a mark that folds to a letter, before which other marks are to be put.
  const auto decomposed = mapped(name, kDecomposed);
  if (decomposed.empty()) return folded;
  return mapped(decomposed, kDecomposed | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
}

bool is_same_but_for_form(std::string_view one, std::string_view other) {
  return one == other || mapped(one, kDecomposed | UTF8PROC_IGNORE) == mapped(other, kDecomposed | UTF8PROC_IGNORE);
}

}  // namespace upswarm::package
