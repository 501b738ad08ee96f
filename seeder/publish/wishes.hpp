// The rollouts that a change asks for. The online role signs them one day, nobody before: a change that travelled may
// say what it likes. What counts is what this desk wrote down when it made the change:
//
//   changes/NUMBER-NAME.wishes.json
//     {"format": 1, "type": "upswarm-wishes", "change": SHA-256 in hexadecimal of the canonical JSON of
//      [{"role", "signed"} ...], the documents of the change; "rollouts": [...]} as in a bundle (seeder/bundle.hpp)
//
// It never leaves the desk.
#pragma once

#include <vector>

#include "seeder/publish/change_check.hpp"

namespace upswarm::publish {

inline constexpr const char* kChangeEnd = ".change.json";
inline constexpr const char* kWishesEnd = ".wishes.json";

/// Writes down what `change` asks for. `file` ends with kWishesEnd.
/// Errors: as write_file_atomically.
Result<void> keep_wishes(Files& files, const Path& file, const ChangeFile& change);

bool is_same(const std::vector<seeder::RolloutWish>& a, const std::vector<seeder::RolloutWish>& b);

/// Fails unless `change` asks for what this desk wrote down, and for releases alone that it signs or that the roles it
/// touches (in `base`) have signed. Of a change that was made elsewhere nothing is written down: then a change file in
/// `folder` with the same documents, where there is one, must ask for the same.
/// Returns the files in `folder`, of this kind and change files, that belong to the same change.
/// Errors: untrusted  reason "rollouts"
///         corrupt    what was written down cannot be read
Result<std::vector<Path>> check_wishes(Files& files, const Path& folder, const Base& base, const ChangeFile& change);

/// As in a bundle, for --json.
Json wishes_json(const std::vector<seeder::RolloutWish>& wishes);

}  // namespace upswarm::publish
