// Whether the tree of a release fits into the layout that its recipe names.
#pragma once

#include "seeder/publish/release.hpp"

namespace upswarm::publish {

/// Of `entry`, as the recipe says. Machines would refuse it: a product keeps its layout, and in place the name
/// `.upswarm` is the installer's; a package for another installer must be in the tree.
/// Errors: invalid  which release has another layout, or what in the tree is in the way.
Result<void> check_layout(Files& files, const Product& product, const ReleaseRequest& request,
                          const trust::Entry& entry);

}  // namespace upswarm::publish
