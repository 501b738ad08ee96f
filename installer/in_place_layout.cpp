#include "installer/in_place_layout.hpp"

#include <algorithm>

#include "installer/guard.hpp"

namespace upswarm::installer {
namespace {

/// Where names differ by case alone it would be that very folder.
bool is_own_folder(std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return name == InPlaceLayout::kOwnFolder;
}

}  // namespace

InPlaceLayout::InPlaceLayout(Files& files, const Path& root)
    : files_(files), root_(root), releases_(files, root / kOwnFolder), mirror_(files, root, root / kOwnFolder) {}

Result<void> InPlaceLayout::prepare() {
  UPSWARM_CHECK(prepare_private_folder(files_, root_));
  return releases_.prepare();
}

Result<void> InPlaceLayout::adopt_staging(const std::string& version) {
  UPSWARM_TRY(const auto names, files_.list(staging()));
  const auto reserved = std::ranges::find_if(names, is_own_folder);
  if (reserved != names.end()) {
    return Error{ErrorKind::invalid, "install " + version + " in " + root_.string(),
                 *reserved + " is in the release, and in this layout a name of the installer's own", "reserved_name"};
  }
  return releases_.adopt_staging(version);
}

std::optional<Path> InPlaceLayout::tree_of(const std::string& version) const {
  return version.empty() ? std::nullopt : std::optional(folder_of(version));
}

Result<void> InPlaceLayout::check_switch(const std::string& version, const std::string& leaving) {
  return mirror_.check(tree_of(version), tree_of(leaving));
}

Result<void> InPlaceLayout::switch_to(const std::string& version, const std::string& leaving,
                                      const std::stop_token& stop) {
  UPSWARM_CHECK(mirror_.show(tree_of(version), tree_of(leaving), stop));
  return releases_.switch_to(version, leaving);
}

Result<std::string> InPlaceLayout::what_is_wrong(const std::string& version) {
  UPSWARM_TRY(auto wrong, releases_.what_is_wrong(version));
  if (!wrong.empty()) return wrong;
  auto other = mirror_.difference(folder_of(version));
  if (!other && other.error().kind == ErrorKind::denied) return other.error().message();
  return other;
}

/// Files that were mended in the release's folder are other ones than ROOT shows.
Result<void> InPlaceLayout::mend_current(const std::string& version) {
  UPSWARM_CHECK(mirror_.show(tree_of(version), tree_of(version)));
  return releases_.mend_current(version);
}

Result<void> InPlaceLayout::clean(const std::vector<std::string>& known, bool keep_unfinished) {
  UPSWARM_CHECK(mirror_.clean());
  return releases_.clean(known, keep_unfinished);
}

}  // namespace upswarm::installer
