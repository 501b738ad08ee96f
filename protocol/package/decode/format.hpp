// The fixed parts of both package formats (docs/formats.md).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/files.hpp"
#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::package {

inline constexpr std::string_view kPackageMagic = "UPSWPKG\n";
inline constexpr std::string_view kDeltaMagic = "UPSWDLT\n";
inline constexpr std::uint32_t kPackageVersion = 2;
inline constexpr std::uint32_t kDeltaVersion = 2;
inline constexpr std::size_t kCommonHeader = 16;   ///< magic 8, version 4, zero 4
inline constexpr std::size_t kPackageHeader = 32;  ///< common 16, index compressed 8, index size 8
inline constexpr std::size_t kDeltaHeader = 96;    ///< common 16, from 32, to 32, plan compressed 8, plan size 8
inline constexpr int kLargestWindowLog = 27;

/// What a delta may ask of the program that applies it.
inline constexpr std::string_view kCodeFilter = "x86-64";
inline constexpr std::string_view kObjectFilter = "elf-relocatable";
inline constexpr std::string_view kDeflateFilter = "deflate";
inline constexpr std::array kDeltaFilters = {kCodeFilter, kObjectFilter, kDeflateFilter};

/// The error that every reader here gives for bytes no writer made.
Error corrupt_package(std::string_view what, std::string why);

/// `length` bytes from `offset`; fewer are ErrorKind::corrupt. The caller bounds `length`, which is allocated at once.
Result<std::string> read_exactly(InputFile& file, Bytes offset, Bytes length, std::string_view what);

/// The whole header of `length` bytes, its common part checked.
Result<std::string> read_header(InputFile& file, std::size_t length, std::string_view magic, std::uint32_t version,
                                std::string_view what);

}  // namespace upswarm::package
