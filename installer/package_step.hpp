// What an update of one product is made of.
#pragma once

#include <string>

#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {

/// One package on the way to a release.
struct PackageStep {
  trust::PackageFile package;
  std::string version;     ///< that it rebuilds
  Sha256 content;          ///< the signed one of that
  bool is_sparse = false;  ///< parts of a full package, the rest from disk
};

/// Why `to` cannot follow on `from`: words for people.
std::string layout_change(const trust::Entry& from, const trust::Entry& to);

}  // namespace upswarm::installer
