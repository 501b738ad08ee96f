// The fixed parts of both package formats (docs/formats.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/base/units.hpp"

namespace upswarm::package {

inline constexpr std::string_view kPackageMagic = "UPSWPKG\n";
inline constexpr std::string_view kDeltaMagic = "UPSWDLT\n";
inline constexpr std::uint32_t kPackageVersion = 1;
inline constexpr std::uint32_t kDeltaVersion = 1;
inline constexpr std::size_t kPackageHeader = 32;  ///< magic 8, version 4, zero 4, index compressed 8, index size 8
inline constexpr std::size_t kDeltaHeader =
    96;  ///< magic 8, version 4, zero 4, from 32, to 32, plan compressed 8, plan size 8
inline constexpr std::string_view kPatchFilter = "zstd-patch";
inline constexpr Bytes kLargestPatched = 64_MiB;  ///< of a base and of a result: both lie in memory or in the window
inline constexpr int kLargestWindowLog = 27;

/// What a delta does to make one regular file.
enum class DeltaOperation : std::uint8_t { copy = 1, patch = 2, add = 3 };

}  // namespace upswarm::package
