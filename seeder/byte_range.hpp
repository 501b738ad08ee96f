// The Range header of a GET (RFC 9110, 14.2): one range of bytes.
#pragma once

#include <string_view>

#include "protocol/base/units.hpp"

namespace upswarm::seeder {

struct ByteRange {
  enum class Kind {
    whole,          ///< no range, one that is not understood, or several: the whole file is a correct answer
    part,           ///< 206
    unsatisfiable,  ///< 416
  };
  Kind kind = Kind::whole;
  Bytes first;
  Bytes length;
};

/// `size` is that of the file. For `whole`, first and length cover all of it; for `unsatisfiable` both are 0.
ByteRange parse_range(std::string_view header, Bytes size);

}  // namespace upswarm::seeder
