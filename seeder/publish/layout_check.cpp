#include "seeder/publish/layout_check.hpp"

#include <algorithm>

namespace upswarm::publish {
namespace {

constexpr std::string_view kInstallersOwn = ".upswarm";

/// Some systems know no difference of case.
bool is_installers_own(std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return name == kInstallersOwn;
}

/// What the command names by `{release}` must be in the tree: machines would only find out when they install it.
Result<void> check_foreign(Files& files, const ReleaseRequest& request, const trust::Foreign& foreign) {
  constexpr std::string_view kInRelease = "{release}/";
  for (const auto& word : foreign.install.argv) {
    const auto at = word.find(kInRelease);
    if (at == std::string::npos || word.find('{', at + 1) != std::string::npos) continue;
    const auto name = word.substr(at + kInRelease.size());
    UPSWARM_TRY(const bool is_there, exists(files, request.folder / Path(std::u8string(name.begin(), name.end()))));
    if (!is_there) {
      return Error{ErrorKind::invalid, request.recipe.string() + ": foreign.install",
                   name + " is not in " + request.folder.string()};
    }
  }
  return {};
}

}  // namespace

Result<void> check_layout(Files& files, const Product& product, const ReleaseRequest& request,
                          const trust::Entry& entry) {
  const auto wrong = [&](const std::string& why) {
    return Error{ErrorKind::invalid, request.recipe.string() + ": layout", why};
  };
  for (const auto& [path, index] : product.indexes) {
    if (index.platform != request.name.platform || index.entries.empty()) continue;
    const auto& last = index.entries.back();
    if (last.layout == entry.layout) continue;
    return wrong("it is \"" + entry.layout + "\", and that of " + last.version + " is \"" + last.layout +
                 "\"; machines keep a product's layout: make it another product");
  }
  if (entry.foreign) return check_foreign(files, request, *entry.foreign);
  if (entry.layout != trust::kInPlaceLayout) return {};
  UPSWARM_TRY(const auto names, files.list(request.folder));
  const auto found = std::ranges::find_if(names, is_installers_own);
  if (found == names.end()) return {};
  return wrong(*found + " in " + request.folder.string() + " is a name that the installer needs in this layout");
}

}  // namespace upswarm::publish
