// Descriptors that Asio has no word for.
#pragma once

#include "protocol/base/result.hpp"

namespace upswarm::seeder {

/// Another descriptor of the same thing, closed on exec.   Errors: unreachable  there are too many.
Result<int> duplicate_descriptor(int descriptor);

}  // namespace upswarm::seeder
