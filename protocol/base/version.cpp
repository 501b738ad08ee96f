#include "protocol/base/version.hpp"

#include <algorithm>
#include <charconv>

namespace upswarm {
namespace {

constexpr std::size_t kLongestVersion = 128;

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

/// A number without leading zeros, as SemVer 2 wants it.
bool read_number(std::string_view text, std::uint64_t& number) {
  if (!is_digits(text) || (text.size() > 1 && text[0] == '0')) return false;
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// SemVer 11.4: numbers compare as numbers and come before words.
std::weak_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_number = is_digits(a);
  const bool b_number = is_digits(b);
  if (a_number != b_number) return a_number ? std::weak_ordering::less : std::weak_ordering::greater;
  if (a_number && a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  const Error bad{ErrorKind::invalid, "version \"" + std::string(text.substr(0, kLongestVersion)) + "\"",
                  "it must be MAJOR.MINOR.PATCH with an optional -PRERELEASE and +BUILD (Semantic Versioning 2.0)"};
  if (text.size() > kLongestVersion) return bad;
  Version version;
  version.text_ = std::string(text);

  const auto plus = text.find('+');
  if (plus != std::string_view::npos) {
    const auto build = split(text.substr(plus + 1), '.');
    if (!std::ranges::all_of(build, is_identifier)) return bad;
    text = text.substr(0, plus);
  }
  const auto dash = text.find('-');
  if (dash != std::string_view::npos) {
    version.prerelease_ = split(text.substr(dash + 1), '.');
    for (const auto& part : version.prerelease_) {
      if (!is_identifier(part) || (is_digits(part) && part.size() > 1 && part[0] == '0')) return bad;
    }
    text = text.substr(0, dash);
  }
  const auto numbers = split(text, '.');
  if (numbers.size() != 3 || !read_number(numbers[0], version.major_) || !read_number(numbers[1], version.minor_) ||
      !read_number(numbers[2], version.patch_)) {
    return bad;
  }
  return version;
}

std::weak_ordering Version::operator<=>(const Version& other) const {
  if (major_ != other.major_) return major_ <=> other.major_;
  if (minor_ != other.minor_) return minor_ <=> other.minor_;
  if (patch_ != other.patch_) return patch_ <=> other.patch_;
  if (prerelease_.empty() != other.prerelease_.empty()) {
    return prerelease_.empty() ? std::weak_ordering::greater : std::weak_ordering::less;
  }
  const auto shared = std::min(prerelease_.size(), other.prerelease_.size());
  for (std::size_t i = 0; i < shared; ++i) {
    const auto order = compare_identifiers(prerelease_[i], other.prerelease_[i]);
    if (order != std::weak_ordering::equivalent) return order;
  }
  return prerelease_.size() <=> other.prerelease_.size();
}

}  // namespace upswarm
