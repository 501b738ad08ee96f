// Names as file systems compare them that tell neither case nor Unicode form apart.
#pragma once

#include <string>
#include <string_view>

namespace upswarm::package {

/// `name` (UTF-8, one part or a path, at most kLongestTreePath bytes) by canonical caseless matching of Unicode 15.0,
/// without what nobody sees: NFD, then full case folding (C and F of CaseFolding.txt, no Turkic ones) with all
/// Default_Ignorable_Code_Point left out, then NFD again. So Linux's ext4 and f2fs (casefold) and macOS compare names;
/// what differs for Windows by case alone folds to one name too. Code points that Unicode 15.0 does not know
/// stand for themselves. `/` comes from `/` alone: a path folds as its parts do. What is not UTF-8 is its own result.
/// Any thread.
std::string folded_name(std::string_view name);

/// Whether both are the same text but for its Unicode form (NFD without what nobody sees): case tells them apart else.
bool is_same_but_for_form(std::string_view one, std::string_view other);

}  // namespace upswarm::package
