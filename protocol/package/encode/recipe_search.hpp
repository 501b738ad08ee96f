// Finding how a stream was deflated.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "protocol/package/decode/deflate_replayer.hpp"
#include "protocol/package/encode/archive.hpp"

namespace upswarm::package {

/// For each of `wanted` (numbers in `streams` of `file`) a recipe by which its content gives the same bytes again, if
/// one is known. A few of them are tried with every recipe; what never fits them is not tried on the others. The same
/// at any number of `threads`. `go_on` is asked now and then, by this thread; its error ends the work.
Result<std::vector<std::optional<DeflateRecipe>>> find_recipes(ByteView file, const std::vector<FoundStream>& streams,
                                                               const std::vector<std::size_t>& wanted,
                                                               std::size_t threads,
                                                               const std::function<Result<void>()>& go_on);

}  // namespace upswarm::package
