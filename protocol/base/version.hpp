// Versions of products: Semantic Versioning 2.0.0 (semver.org).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace upswarm {

/// One release's version. Ordered by precedence (SemVer 11); build metadata is kept but does not order.
class Version {
 public:
  /// Errors: invalid  not SemVer 2.0, or longer than 128 characters.
  static Result<Version> parse(std::string_view text);

  const std::string& text() const { return text_; }
  std::uint64_t major() const { return major_; }
  bool is_prerelease() const { return !prerelease_.empty(); }

  /// Same precedence: "1.0.0+a" and "1.0.0+b" are equivalent, not equal.
  std::weak_ordering operator<=>(const Version& other) const;
  /// The same text.
  bool operator==(const Version& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::uint64_t major_ = 0;
  std::uint64_t minor_ = 0;
  std::uint64_t patch_ = 0;
  std::vector<std::string> prerelease_;
};

}  // namespace upswarm
