// Whether a file may belong to two releases of a product at once: docs/decisions/0017.
#pragma once

#include "installer/config.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

/// Only where the administrator says that nothing but this installer writes to the product's files, and neither release
/// has a hook or a health command that runs as root, whose files they are.
bool may_link(const ProductConfig& product, const trust::Entry& from, const trust::Entry& to);

}  // namespace upswarm::installer
