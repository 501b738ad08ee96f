// zlib itself, to compare with.
#pragma once

#include <string>
#include <string_view>

namespace upswarm::package {

/// A bare deflate stream of `content`, as zlib makes it at that level (1 to 9) and memLevel (1 to 9).
std::string zlib_stream(std::string_view content, int level, int memory);

}  // namespace upswarm::package
