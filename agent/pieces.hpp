// Which pieces of a package hold what is wanted of it.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/base/units.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

/// The pieces of a file that hold what lies in these parts of it: rising, each once. What lies beyond the end of the
/// file is left out.
std::vector<std::uint32_t> pieces_of(const trust::PackageFile& file, const std::vector<FilePart>& parts);

/// How long pieces of the file are together, the short last one counted as it is.
Bytes length_of(const trust::PackageFile& file, const std::vector<std::uint32_t>& pieces);

}  // namespace upswarm::agent
