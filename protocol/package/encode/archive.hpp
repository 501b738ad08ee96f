// Where deflate streams lie in files: zip archives (PKWARE's APPNOTE 6.3: jar, whl, nupkg, docx, ...) and gzip (RFC
// 1952).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "protocol/base/units.hpp"

namespace upswarm::package {

inline constexpr std::size_t kArchiveStart = 4;  ///< bytes that tell whether a file may be one

/// Whether a file that begins like that is looked into.
bool may_hold_streams(ByteView start);

struct FoundStream {
  std::size_t begin = 0;   ///< in the file
  std::size_t length = 0;  ///< there
  std::string name;        ///< of a member of a zip archive; else empty
  std::size_t size = 0;    ///< inflated
  ByteBuffer content;      ///< if it is kept
};

/// Asked for each stream, in order, when all but its content is known: whether that is kept.
using KeepsContent = std::function<bool(const FoundStream&)>;

/// The deflate streams in `file`, by place; none overlaps another. Strict: a member that is not as it says is left out,
/// encrypted and stored ones are, so is everything of an archive that needs zip64; an archive whose directory is odd
/// has no streams. Contents together are at most `most` bytes, kept or not: what would go beyond has no streams at all.
/// Any bytes may be given.
std::vector<FoundStream> find_streams(
    ByteView file, Bytes most, const KeepsContent& keeps = [](const FoundStream&) { return true; });

}  // namespace upswarm::package
