#include "installer/layout.hpp"

#include "installer/in_place_layout.hpp"
#include "installer/versioned_layout.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

std::unique_ptr<Layout> make_layout(std::string_view name, Files& files, const Path& root) {
  if (name == trust::kInPlaceLayout) return std::make_unique<InPlaceLayout>(files, root);
  return std::make_unique<VersionedLayout>(files, root);
}

}  // namespace upswarm::installer
