// Which file brings a machine to a release.
#pragma once

#include <optional>
#include <set>

#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

struct Plan {
  trust::PackageFile file;
  bool is_delta = false;
  std::string from_version;  ///< of a delta
};

/// The smallest delta from what is installed, when it is smaller than the full package and not among `bad`; else the
/// full package. Nothing when that is bad, too.
std::optional<Plan> plan_package(const trust::Entry& entry, const std::optional<Sha256>& installed,
                                 const std::set<Sha256>& bad);

}  // namespace upswarm::agent
